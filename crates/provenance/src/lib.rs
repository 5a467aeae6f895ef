//! Provenance: label what is generated, recognise what is labelled (GB 45438-2025).
//!
//! A [label](label::Aigc) has seven members and stands in a file where its [carrier] keeps it, once. Reading accepts what
//! other writers do; judging says which clause is broken. [`security`] signs labels (SM3withSM2), [`inspect`] decides as
//! the platform must (Measures, article 6). [`explicit`] labels are for people, [`watermark`]s for detectors.
//!
//! [`c2pa`] reads Content Credentials; with the Cargo feature `c2pa` it verifies and signs them too.
//!
//! The crate stands alone: no async, no network, no I/O beyond the readers and writers that its caller gives it.
//!
//! ```
//! use std::io::Cursor;
//! use menshen_provenance::{carrier, label};
//! let aigc = label::Aigc::generated("001191110102MACQD9K64010000", "c-1", label::Kind::Generated)?;
//! # let file = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\0\0\0\0".to_vec();
//! let carrier = carrier::of(&file, "wav").ok_or(menshen_provenance::Error::UnknownFormat)?;
//! let mut labelled = Vec::new();
//! (carrier.write)(&mut Cursor::new(&file), &mut labelled, &aigc.to_value())?;
//! let found = (carrier.read)(&mut Cursor::new(&labelled))?;
//! assert_eq!(label::verify(&found).state, label::State::Compliant);
//! # Ok::<(), menshen_provenance::Error>(())
//! ```

pub mod c2pa;
pub mod carrier;
mod error;
pub mod explicit;
pub mod inspect;
pub mod label;
#[cfg(feature = "pictures")]
pub mod raster;
pub mod security;
pub mod watermark;

pub use error::Error;
