//! Authenticator data (Level 2, §6.1).

use ciborium::Value;

use super::{Fault, cbor};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const MADE: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// A key that the authenticator made. By which model (the AAGUID) is not kept: nobody vouches for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made<'a> {
    pub(super) credential: &'a [u8],
    pub(super) public_key: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AuthenticatorData<'a> {
    pub(super) host_hash: [u8; 32],
    flags: u8,
    pub(super) counter: u32,
    pub(super) made: Option<Made<'a>>,
}

fn split<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), Fault> {
    bytes.split_first_chunk().ok_or(Fault::Unreadable)
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (host_hash, rest) = split::<32>(bytes)?;
        let ([flags], rest) = split::<1>(rest)?;
        let (counter, mut rest) = split::<4>(rest)?;
        let mut made = None;
        if flags & MADE != 0 {
            let (_aaguid, after) = split::<16>(rest)?;
            let (length, after) = split::<2>(after)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (credential, after) = after.split_at_checked(length).ok_or(Fault::Unreadable)?;
            let (_, left) = cbor::first(after)?;
            let (public_key, left) = after.split_at_checked(after.len() - left.len()).ok_or(Fault::Unreadable)?;
            made = Some(Made { credential, public_key });
            rest = left;
        }
        if flags & EXTENSIONS != 0 {
            let (extensions, left) = cbor::first(rest)?;
            if !matches!(extensions, Value::Map(_)) {
                return Err(Fault::Unreadable);
            }
            rest = left;
        }
        if !rest.is_empty() {
            return Err(Fault::Unreadable);
        }
        Ok(AuthenticatorData { host_hash: *host_hash, flags: *flags, counter: u32::from_be_bytes(*counter), made })
    }

    pub(super) const fn present(&self) -> bool {
        self.flags & PRESENT != 0
    }

    pub(super) const fn verified(&self) -> bool {
        self.flags & VERIFIED != 0
    }

    pub(super) const fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(super) const fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}
