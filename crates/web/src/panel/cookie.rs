//! Cookies, as a browser sends them.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The value of a cookie; one that is sent twice is none.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value.to_owned());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_that_is_sent_twice_is_none() {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("x=1; y=2; x=3"))]);

        assert_eq!(cookie(&headers, "x"), None);
        assert_eq!(cookie(&headers, "y").as_deref(), Some("2"));
    }
}
