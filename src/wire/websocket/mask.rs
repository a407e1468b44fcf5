//! Masking (RFC 6455 §5.3).

/// The masking key of a frame, turned to where its payload has been read to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    pub(super) const fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Unmasks the next bytes of the payload.
    ///
    /// A word at a time, which the compiler turns into the widest words that the machine has.
    pub(super) fn apply(&mut self, payload: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let word = [a, b, c, d, a, b, c, d];
        let (words, rest) = payload.as_chunks_mut::<8>();
        for eight in words {
            *eight = (u64::from_ne_bytes(*eight) ^ u64::from_ne_bytes(word)).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(word) {
            *byte ^= key;
        }
        // Eight bytes leave the key where it was.
        self.0.rotate_left(rest.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_is_masked_by_its_place_however_the_payload_is_cut(
            key: [u8; 4],
            payload: Vec<u8>,
            cuts in prop::collection::vec(0..40_usize, 0..8),
        ) {
            let singly = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
            let expected: Vec<u8> = singly.collect();
            let (mut mask, mut found) = (Mask::new(key), payload);
            let mut rest = &mut found[..];
            for cut in cuts {
                let (piece, others) = rest.split_at_mut(cut.min(rest.len()));
                mask.apply(piece);
                rest = others;
            }
            mask.apply(rest);
            prop_assert_eq!(found, expected);
        }
    }
}
