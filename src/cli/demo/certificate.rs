//! A certificate that nobody vouches for, made for one run of the demo.

use std::net::IpAddr;

use crate::model::secret::Secret;
use crate::server::tls::Tls;

/// A self-signed pair for this machine: its names on the loopback, and `address`.
pub(super) fn make(address: IpAddr) -> Result<Tls, String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    if !address.is_unspecified() && !address.is_loopback() {
        names.push(address.to_string());
    }
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|why| format!("no certificate could be made: {why}"))?;
    Ok(Tls {
        certificates: made.cert.pem(),
        key: Secret::new(made.signing_key.serialize_pem()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_a_pair_of_its_own_that_a_server_can_speak_with() {
        let make = || make(IpAddr::from([192, 0, 2, 1])).unwrap();
        let (one, other) = (make(), make());
        assert_eq!(one.check(), Ok(()));
        assert_ne!(one.key.expose(), other.key.expose());
    }
}
