//! Makes what must be unpredictable, and is repeatable in tests: passwords, random parts of names.

use aegir_domain::Password;

/// Makes random bytes.
pub trait Mint: Send + Sync {
    /// Fills `bytes` with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Mint + '_ {
    /// `N` random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A password of 32 letters and digits (190 bits), each as likely as any other. It needs no
    /// quoting anywhere.
    pub fn password(&self) -> Password {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        // Bytes from here on would make the first letters likelier than the others.
        const FAIR: u8 = 62 * 4;
        let mut text = String::with_capacity(32);
        while text.len() < 32 {
            let bytes: [u8; 48] = self.random();
            let wanted = 32 - text.len();
            let fair = bytes.iter().filter(|byte| **byte < FAIR).take(wanted);
            text.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
        }
        Password::new(text)
    }
}

/// The random bytes of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemMint;

impl Mint for SystemMint {
    fn fill(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        while filled < bytes.len() {
            match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => (),
                Err(error) => panic!("the system gives no random bytes, without which no password is safe: {error}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Mint for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (n, byte) in bytes.iter_mut().enumerate() {
                *byte = (n * 37) as u8;
            }
        }
    }

    #[test]
    fn a_password_has_32_letters_and_digits_and_is_never_the_same() {
        let mint: &dyn Mint = &SystemMint;

        let (one, two) = (mint.password(), mint.password());

        assert_eq!(one.expose().len(), 32);
        assert!(one.expose().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(one, two);
    }

    #[test]
    fn a_mint_of_a_test_repeats_itself() {
        let mint: &dyn Mint = &Counting;
        assert_eq!(mint.password(), mint.password());
        assert_eq!(mint.random(), [0, 37, 74]);
    }
}
