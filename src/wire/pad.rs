use super::WireError;

/// The bytes of the content's length in front of it.
const PREFIX: usize = 4;

/// Returns the padded size for `len` bytes by Padmé (PURBs, PETS 2019, §4.3).
///
/// Only the top bits of the length stay visible, so that an observer learns its order of magnitude
/// at a cost of at most 12 %.
pub const fn padme_len(len: usize) -> usize {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - kept_bits)) - 1;
    len.saturating_add(mask) & !mask
}

/// Lays out content for sealing: its length as a big-endian u32, the content, zeros up to Padmé.
///
/// Fails with `Padding` if the length does not fit in 32 bits.
pub fn pad(content: &[u8]) -> Result<Vec<u8>, WireError> {
    let length = u32::try_from(content.len()).map_err(|_| WireError::Padding("the content is too long"))?;
    let total = padme_len(PREFIX + content.len());
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
    out.resize(total, 0);
    Ok(out)
}

/// Takes the content out of its padding; every length has exactly one accepted form.
///
/// Fails with `Padding` on another total than Padmé prescribes or on padding that is not zero.
pub fn unpad(padded: &[u8]) -> Result<&[u8], WireError> {
    let (prefix, rest) =
        padded.split_first_chunk::<PREFIX>().ok_or(WireError::Padding("it has no length"))?;
    let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if padme_len(length.saturating_add(PREFIX)) != padded.len() {
        return Err(WireError::Padding("the padded length is not the one for its content"));
    }
    let (content, zeros) =
        rest.split_at_checked(length).ok_or(WireError::Padding("the content is cut off"))?;
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(WireError::Padding("it is not zero"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_those_of_the_paper() {
        let known = [(0, 0), (1, 1), (2, 2), (8, 8), (9, 10), (100, 104), (1000, 1024), (1025, 1088)];
        for (len, padded) in known {
            assert_eq!(padme_len(len), padded, "{len}");
        }
    }

    proptest! {
        #[test]
        fn padme_costs_at_most_12_percent_and_keeps_order(len in 1usize..1 << 24) {
            let padded = padme_len(len);
            prop_assert!(padded >= len && (padded - len) * 100 <= len * 12);
            prop_assert!(padme_len(len + 1) >= padded);
            prop_assert_eq!(padme_len(padded), padded);
        }

        #[test]
        fn content_round_trips(content in prop::collection::vec(any::<u8>(), 0..600)) {
            let padded = pad(&content).unwrap();
            prop_assert_eq!(padded.len(), padme_len(4 + content.len()));
            prop_assert_eq!(unpad(&padded).unwrap(), &content[..]);
        }
    }

    #[test]
    fn padding_that_could_hide_something_is_refused() {
        let good = pad(&[7; 96 + 1]).unwrap();
        assert_eq!(good.len(), 104);
        let mut hidden = good.clone();
        hidden[103] = 1;
        assert_eq!(unpad(&hidden), Err(WireError::Padding("it is not zero")));
        assert!(unpad(&good[..103]).is_err(), "cut");
        assert!(unpad(&[&good[..], &[0]].concat()).is_err(), "longer");
        assert!(unpad(&[0xff; 4]).is_err(), "length beyond the end");
        assert!(unpad(&[0, 0, 0]).is_err(), "no length");
    }
}
