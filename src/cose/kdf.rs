use ring::hkdf::{HKDF_SHA256, Salt};
use subtle::ConstantTimeEq;

/// Derives 32 bytes from a secret with HKDF-SHA256 (RFC 5869); `info` keeps uses apart.
pub fn hkdf32(secret: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are one of the 255 blocks that HKDF can give");
    out
}

/// Derives `count` salts of 16 bytes each from a seed: the first halves of what HKDF-SHA256 (RFC 5869) expands it to with
/// `info` and the number of the salt, four bytes long.
pub fn hkdf_salts(seed: &[u8; 32], info: &[u8], count: usize) -> Vec<[u8; 16]> {
    let key = Salt::new(HKDF_SHA256, &[]).extract(seed);
    let salt = |nth: u32| {
        let mut out = [0; 32];
        let filled = key.expand(&[info, &nth.to_be_bytes()], HKDF_SHA256).and_then(|okm| okm.fill(&mut out));
        filled.expect("32 bytes are one of the 255 blocks that HKDF can give");
        *out.first_chunk().expect("32 bytes begin with 16")
    };
    (0..u32::MAX).take(count).map(salt).collect()
}

/// Compares two strings in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_is_that_of_rfc_5869_appendix_a_1() {
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let expected = *b"\x3c\xb2\x5f\x25\xfa\xac\xd5\x7a\x90\x43\x4f\x64\xd0\x36\x2f\x2a\
                          \x2d\x2d\x0a\x90\xcf\x1a\x5a\x4c\x5d\xb0\x2d\x56\xec\xc4\xc5\xbf";
        assert_eq!(hkdf32(&[0x0b; 22], &salt, &info), expected);
    }

    #[test]
    fn each_salt_is_the_half_of_what_its_number_derives() {
        let seed = [7; 32];
        let salts = hkdf_salts(&seed, b"info", 3);
        let alone = |nth: u32| hkdf32(&seed, &[], &[&b"info"[..], &nth.to_be_bytes()].concat());
        assert!(salts.iter().zip(0..).all(|(salt, nth)| alone(nth).starts_with(salt)));
    }

    #[test]
    fn comparison_sees_length_and_every_byte() {
        assert!(constant_time_eq(b"valise", b"valise"));
        assert!(!constant_time_eq(b"valise", b"valisf"));
        assert!(!constant_time_eq(b"valise", b"valis"));
    }
}
