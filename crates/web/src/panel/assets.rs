//! The theme's files that browsers fetch: styles, scripts, icons. Their addresses change with their content, so that
//! a browser can keep them for good. They hold no secret, so they are sent compressed to whoever takes that; pages
//! are not: what is typed into an address is in them beside the token of their forms, and how long both are together
//! would tell of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "eldir/assets/"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
struct Files;

/// A mark that changes with any of the files.
pub(crate) fn mark() -> &'static str {
    static MARK: LazyLock<String> = LazyLock::new(|| {
        let mut sum = Context::new(&SHA256);
        let mut names: Vec<_> = Files::iter().collect();
        names.sort();
        for name in names {
            sum.update(name.as_bytes());
            if let Some(file) = Files::get(&name) {
                sum.update(&file.data);
            }
        }
        sum.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    });
    &MARK
}

/// All files, compressed once.
fn compressed(name: &str) -> Option<Bytes> {
    static ALL: LazyLock<BTreeMap<String, Bytes>> = LazyLock::new(|| {
        let gzip = |bytes: &[u8]| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(bytes).and_then(|()| gzip.finish())
        };
        let files = Files::iter().filter_map(|name| {
            let file = Files::get(&name)?;
            Some((name.into_owned(), Bytes::from(gzip(&file.data).ok()?)))
        });
        files.collect()
    });
    ALL.get(name).cloned()
}

/// Whether whoever asks takes what is compressed.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|said| said.to_str().ok());
    let mut ways = said.flat_map(|said| said.split(','));
    ways.any(|way| {
        let mut parts = way.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|part| matches!(part.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// The file of this name, for whoever sent these headers; `None`: there is none.
pub(crate) fn file(name: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let kind = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let file = Files::get(name)?;
    let packed = takes_gzip(asked).then(|| compressed(name)).flatten();
    let is_packed = packed.is_some();
    let mut response = Response::new(packed.map_or_else(|| Body::from(file.data), Body::from));
    if is_packed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn asked(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accept))])
    }

    #[test]
    fn a_file_is_compressed_for_those_alone_who_take_it_so() {
        for (accept, is_packed) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip; q=0", false),
            ("identity", false),
            ("x-gzip-like", false),
            ("", false),
        ] {
            let response = file("eldir.css", &asked(accept)).unwrap();
            assert_eq!(response.headers().get(CONTENT_ENCODING).is_some(), is_packed, "{accept}");
        }
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&compressed("eldir.css").unwrap()[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text[..], *Files::get("eldir.css").unwrap().data);
    }
}
