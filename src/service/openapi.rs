//! `GET /v1/openapi.json`: this interface, described for programs.

use http::Request;
use hyper::body::Incoming;

use crate::wire::encoding::Encoding;

use super::{Response, Service, reply};

/// The file as it stands beside the pages.
const DOCUMENT: &str = include_str!("../../proto-docs/openapi.json");

impl Service {
    /// The document.
    pub(super) async fn openapi(&self, request: &Request<Incoming>) -> Response {
        let encoding = Encoding::preferred(request.headers());
        self.long(encoding, reply::JSON, DOCUMENT).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::admin::Desk;
    use super::super::route::Route;
    use super::*;

    type Routes = BTreeMap<String, BTreeSet<String>>;

    fn described(document: &serde_json::Value) -> Routes {
        let paths = document["paths"].as_object().unwrap().iter();
        paths
            .map(|(path, item)| {
                let keys = item.as_object().unwrap().keys();
                let methods = keys.filter(|key| *key != "parameters");
                (
                    path.clone(),
                    methods.map(|key| key.to_uppercase()).collect(),
                )
            })
            .collect()
    }

    fn routed() -> Routes {
        let events = Route::of("/v1/rooms/a/events").unwrap();
        let presence = Route::of("/v1/rooms/a/presence").unwrap();
        let stream = Route::of("/v1/admin/streams/000000000000000000000abc").unwrap();
        let desks = Desk::FIXED.map(|(path, desk)| (path, Route::Admin(desk)));
        Route::FIXED
            .into_iter()
            .chain([
                ("/v1/rooms/{room}/events", events),
                ("/v1/rooms/{room}/presence", presence),
                ("/v1/admin/streams/{stream}", stream),
            ])
            .chain(desks)
            .map(|(path, route)| {
                let methods = route.methods().split(", ").map(str::to_owned);
                (path.to_owned(), methods.collect())
            })
            .collect()
    }

    #[test]
    fn the_document_has_each_route_with_each_of_its_methods_and_no_other() {
        let document = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(described(&document), routed());
    }

    #[test]
    fn the_document_has_the_version_of_the_crate() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
