//! A mint that counts: the same in every run, and never the same twice in one lab, whatever dies.

use std::sync::Arc;

use aegir_host::Mint;

use super::{Machine, read_state, write_state};

/// A mint that counts, in a file.
pub struct FakeMint(pub Arc<Machine>);

impl Mint for FakeMint {
    fn fill(&self, bytes: &mut [u8]) {
        let path = self.0.state("mint");
        let mut drawn: u64 = read_state(&path);
        for chunk in bytes.chunks_mut(8) {
            drawn += 1;
            let drawing = scattered(drawn).to_le_bytes();
            chunk.copy_from_slice(&drawing[..chunk.len()]);
        }
        write_state(&path, &drawn);
    }
}

/// Bits of `number`, scattered (the finisher of splitmix64).
pub(crate) fn scattered(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
