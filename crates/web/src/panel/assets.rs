//! The theme's files that browsers fetch: styles, scripts, icons. Their addresses change with their content, so that
//! a browser can keep them for good.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
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

/// The file of this name; `None`: there is none.
pub(crate) fn file(name: &str) -> Option<Response<Body>> {
    let kind = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let file = Files::get(name)?;
    let mut response = Response::new(Body::from(file.data));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Some(response)
}
