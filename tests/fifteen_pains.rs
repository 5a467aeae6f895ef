//! fifteen_pains
