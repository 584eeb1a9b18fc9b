//! Sends news: not yet in this build; they wait in the store until one can.

use aegir_domain::{EmailAddress, FaultReport, Password};
use aegir_hosting::{Letter, Post as Signed, Postman, Sending};

/// Sends news.
pub(crate) struct Post;

impl Post {
    pub(crate) fn new() -> Post {
        Post
    }
}

impl Postman for Post {
    fn mail<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a Password>,
        _: &'a EmailAddress,
        _: &'a EmailAddress,
        _: &'a Letter,
    ) -> Sending<'a> {
        Box::pin(async { Err(cannot()) })
    }

    fn post<'a>(&'a self, _: &'a str, _: &'a Signed) -> Sending<'a> {
        Box::pin(async { Err(cannot()) })
    }
}

fn cannot() -> FaultReport {
    FaultReport { message: "this build sends no news".into(), because: Vec::new(), remedy: None }
}
