//! The second factor: a code of six digits that changes each half minute (RFC 6238), and codes that replace it once.

use aegir_domain::Password;
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Who asks for the code, as apps list it.
const ISSUER: &str = "Aegir";
const STEP: u64 = 30;
/// How many codes replace the factor, each once.
pub(crate) const CODES: usize = 10;

/// A code that somebody typed.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    /// Nothing was.
    None,
    /// Six digits of an app.
    Digits(String),
    /// One of those that replace them, as it is kept.
    Recovery(Password),
}

/// What somebody typed, spaces and dashes aside.
pub(crate) fn read(typed: &str) -> Code {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).collect();
    match plain.len() {
        0 => Code::None,
        6 if plain.bytes().all(|byte| byte.is_ascii_digit()) => Code::Digits(plain),
        _ => Code::Recovery(Password::new(plain.to_ascii_uppercase())),
    }
}

/// A new secret of 160 bits, in base 32.
pub(crate) fn new_secret(chance: [u8; 32]) -> Password {
    Password::new(Secret::from(chance[..20].to_vec()).to_base32())
}

/// A recovery code of 80 bits: as it is kept, and as it is told.
pub(crate) fn new_code(chance: [u8; 32]) -> (Password, String) {
    let kept = Secret::from(chance[..10].to_vec()).to_base32();
    let mut told = String::with_capacity(kept.len() + 3);
    for (place, letter) in kept.to_ascii_lowercase().chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            told.push('-');
        }
        told.push(letter);
    }
    (Password::new(kept), told)
}

/// The step whose code `digits` is: the one of now, the one before, or the one after; clocks of phones are not exact.
pub(crate) fn step_of(secret: &Password, digits: &str, now: i64) -> Option<i64> {
    let seconds = u64::try_from(now / 1000).ok()?;
    totp(secret, "")?.check(digits, seconds).and_then(|step| i64::try_from(step).ok())
}

/// The address that apps read from a picture.
pub(crate) fn address(secret: &Password, account: &str) -> Option<Password> {
    totp(secret, account)?.to_url().ok().map(Password::new)
}

fn totp(secret: &Password, account: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret.expose()).ok()?;
    // SHA-1 is what apps know, and as good as any here.
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(STEP);
    builder.with_secret(secret).with_account_name(account).with_issuer(Some(ISSUER)).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six digits.
        let secret = Password::new(Secret::from(b"12345678901234567890".to_vec()).to_base32());
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000_i64, "353130")] {
            assert_eq!(step_of(&secret, code, seconds * 1000), Some(seconds / 30));
            assert_eq!(step_of(&secret, code, (seconds + 30) * 1000), Some(seconds / 30), "a clock that is late");
            assert_eq!(step_of(&secret, code, (seconds + 90) * 1000), None);
        }
        assert_eq!(step_of(&secret, "287083", 59_000), None);
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        assert!(matches!(read(" 123 456 "), Code::Digits(code) if code == "123456"));
        assert!(matches!(read(" "), Code::None));
        let (kept, told) = new_code([7; 32]);
        assert_eq!(told.len(), 19);
        assert!(matches!(read(&told), Code::Recovery(code) if code == kept));
    }

    #[test]
    fn an_app_is_told_whose_code_it_is() {
        let address = address(&new_secret([9; 32]), "anna").unwrap();
        let address = address.expose();
        assert!(address.starts_with("otpauth://totp/Aegir:anna?") && address.contains("issuer=Aegir"), "{address}");
    }
}
