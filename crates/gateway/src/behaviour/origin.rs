//! Where a request came from: from the connection, and from headers of proxies that the operator named. Nothing is guessed
//! from an address.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

use crate::config;

/// A network of proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Net {
    base: u128,
    bits: u8,
}

/// An address as 128 bits; IPv4 in its mapped form, so that one comparison serves both.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(number: u128, bits: u8) -> u128 {
    if bits == 0 { 0 } else { number & (u128::MAX << (128 - u32::from(bits.min(128)))) }
}

impl Net {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().ok()?;
        let widest: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.map_or(Ok(widest), str::parse).ok()?;
        if bits > widest {
            return None;
        }
        let bits = bits + (128 - widest);
        Some(Net { base: masked(number(address), bits), bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        masked(number(address), self.bits) == self.base
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Origin {
    /// The first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
    pub(super) network: Option<u128>,
    pub(super) region: Option<String>,
    pub(super) place: Option<(f32, f32)>,
}

#[derive(Debug, Default)]
pub(super) struct Origins {
    trusted: Vec<Net>,
    address: Option<String>,
    region: Option<String>,
    place: Option<String>,
}

impl Origins {
    /// # Errors
    /// A sentence that names the setting that is wrong.
    pub(super) fn new(config: &config::Behaviour) -> Result<Self, String> {
        let net = |text: &String| {
            Net::read(text).ok_or_else(|| {
                format!("behaviour.trusted_proxies: {text:?} is neither an address nor a network such as 10.0.0.0/8")
            })
        };
        let trusted = config.trusted_proxies.iter().map(net).collect::<Result<Vec<_>, _>>()?;
        let headers = [&config.address_header, &config.region_header, &config.place_header];
        for name in headers.into_iter().flatten() {
            if http::HeaderName::try_from(name.as_str()).is_err() {
                return Err(format!("behaviour: {name:?} is no name of a header"));
            }
            if trusted.is_empty() {
                return Err(format!("behaviour: {name:?} is believed of nobody; name the proxies in trusted_proxies"));
            }
        }
        Ok(Origins {
            trusted,
            address: config.address_header.clone(),
            region: config.region_header.clone(),
            place: config.place_header.clone(),
        })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.holds(address))
    }

    pub(super) fn of(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Origin {
        let Some(peer) = peer else { return Origin::default() };
        if !self.trusts(peer) {
            return Origin { network: Some(network(peer)), ..Origin::default() };
        }
        let text = |name: &Option<String>| {
            let values = headers.get_all(name.as_deref()?);
            // A client can send the header too; what the proxy adds stands last.
            values.iter().next_back().and_then(|v| v.to_str().ok()).map(str::trim)
        };
        let client = text(&self.address).and_then(|list| {
            // From the right, the first that is no proxy of ours: what stands left of it anybody could have written.
            let hops = list.rsplit(',').map_while(|hop| hop.trim().parse::<IpAddr>().ok());
            hops.into_iter().find(|hop| !self.trusts(*hop))
        });
        let plain = |r: &&str| !r.is_empty() && r.len() <= 64 && r.is_ascii();
        Origin {
            network: client.map(network),
            region: text(&self.region).filter(plain).map(str::to_owned),
            place: text(&self.place).and_then(place),
        }
    }
}

fn network(address: IpAddr) -> u128 {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    match address {
        IpAddr::V4(_) => masked(number(address), 96 + 24),
        IpAddr::V6(v6) => masked(Ipv6Addr::to_bits(v6), 48),
    }
}

/// `31.23,121.47`: degrees north and east.
fn place(text: &str) -> Option<(f32, f32)> {
    let (north, east) = text.split_once(',')?;
    let (north, east): (f32, f32) = (north.trim().parse().ok()?, east.trim().parse().ok()?);
    ((-90.0..=90.0).contains(&north) && (-180.0..=180.0).contains(&east)).then_some((north, east))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn origins() -> Origins {
        let config = config::Behaviour {
            trusted_proxies: vec!["10.0.0.0/8".into(), "::1".into()],
            address_header: Some("x-forwarded-for".into()),
            region_header: Some("x-region".into()),
            place_header: Some("x-place".into()),
            ..config::Behaviour::default()
        };
        Origins::new(&config).unwrap()
    }

    fn with(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn headers_are_believed_of_named_proxies_only() {
        let said = with(&[
            ("x-forwarded-for", "1.2.3.4, 9.9.9.9, 10.1.1.1"),
            ("x-region", "CN-31"),
            ("x-place", "31.2, 121.5"),
        ]);
        let (proxy, stranger): (IpAddr, IpAddr) = ("10.2.3.4".parse().unwrap(), "9.9.9.8".parse().unwrap());
        let believed = origins().of(Some(proxy), &said);
        assert_eq!((believed.region.as_deref(), believed.place), (Some("CN-31"), Some((31.2, 121.5))));
        let direct = origins().of(Some(stranger), &said);
        assert_eq!((direct.region, direct.place), (None, None));
        assert_eq!(believed.network, direct.network, "one network of 256 addresses, and the last that is no proxy");
        assert_eq!(origins().of(Some(proxy), &HeaderMap::new()), Origin::default(), "a proxy is no client");
        assert_eq!(origins().of(None, &said), Origin::default());
        let last = with(&[("x-region", "forged"), ("x-region", "CN-11")]);
        assert_eq!(origins().of(Some(proxy), &last).region.as_deref(), Some("CN-11"));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        for (proxies, header, said) in [
            (vec!["10.0.0.0/33"], None, "10.0.0.0/33"),
            (vec!["proxy.local"], None, "proxy.local"),
            (vec![], Some("x-region"), "trusted_proxies"),
            (vec!["10.0.0.1"], Some("no header"), "no header"),
        ] {
            let config = config::Behaviour {
                trusted_proxies: proxies.into_iter().map(str::to_owned).collect(),
                region_header: header.map(str::to_owned),
                ..config::Behaviour::default()
            };
            assert!(Origins::new(&config).unwrap_err().contains(said), "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_stumble(bytes in prop::collection::vec(32u8..=255, 0..60)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            for name in ["x-forwarded-for", "x-region", "x-place"] {
                headers.append(name, value.clone());
            }
            let origin = origins().of(Some("10.0.0.1".parse().unwrap()), &headers);
            prop_assert!(origin.place.is_none_or(|(n, e)| n.abs() <= 90.0 && e.abs() <= 180.0));
        }
    }
}
