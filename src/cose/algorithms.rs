/// Algorithm identifiers that stand in the `alg` header.
pub mod alg {
    /// Ed25519 alone, not the polymorphic EdDSA (RFC 9864 §2.2).
    pub const ED25519: i64 = -19;
    /// ML-DSA-65 with an empty context (RFC 9964).
    pub const ML_DSA_65: i64 = -49;
    /// AES-256 in Galois/Counter Mode with a 128-bit tag (RFC 9053 §4.1).
    pub const A256GCM: i64 = 3;
    /// HPKE base mode with X-Wing, SHAKE256 and AES-256-GCM; private use until COSE-HPKE is an RFC.
    pub const HPKE_XWING: i64 = -70100;
}

/// Header labels; those below −65536 are ours (RFC 9052 §11.1 leaves that range to private use).
pub mod label {
    /// The algorithm (RFC 9052 §3.1).
    pub const ALG: i64 = 1;
    /// Labels that a reader must understand (RFC 9052 §3.1).
    pub const CRIT: i64 = 2;
    /// The media type of the payload (RFC 9052 §3.1).
    pub const CONTENT_TYPE: i64 = 3;
    /// The key's identifier (RFC 9052 §3.1).
    pub const KID: i64 = 4;
    /// The initialization vector (RFC 9052 §3.1).
    pub const IV: i64 = 5;
    /// CWT claims: issuer, subject, audience, issue time, id (RFC 9597 §2).
    pub const CWT_CLAIMS: i64 = 15;
    /// The digest of the signing certificate (RFC 9360 §2).
    pub const X5T: i64 = 34;
    /// The kind of verifiable data structure (RFC 9942).
    pub const VDS: i64 = 395;
    /// Proofs about the verifiable data structure (RFC 9942).
    pub const VDP: i64 = 396;

    /// The version of our format: uint 0.
    pub const VERSION: i64 = -70001;
    /// The kind of act: text.
    pub const ACT: i64 = -70002;
    /// Statement digests of the acts that this one follows: array of 32-byte strings.
    pub const PARENTS: i64 = -70003;
    /// The directory that the signer went by: version and digest.
    pub const DIRECTORY: i64 = -70004;
    /// Log heads: the signer's own, and the peer's that it has seen.
    pub const LOG_HEADS: i64 = -70005;
    /// The digest of the usage label.
    pub const LABEL_DIGEST: i64 = -70006;
    /// The Merkle root of the attachment manifest.
    pub const MANIFEST_ROOT: i64 = -70007;
    /// Flags: uint of bits.
    pub const FLAGS: i64 = -70008;
    /// The principal and the mandate's digest, where an agent signs (ISACS 9.3).
    pub const ON_BEHALF_OF: i64 = -70009;
    /// The commitment to the content key of a sealed message: 32 bytes.
    pub const KEY_COMMITMENT: i64 = -70010;
    /// The HPKE encapsulated key of one recipient: 1120 bytes.
    pub const ENCAPSULATED_KEY: i64 = -70011;

    /// Tells whether a label is from the private-use range.
    pub const fn is_private(label: i64) -> bool {
        label < -65536
    }
}
