//! How somebody wants the panel to look and to be used: kept in their browser, since it is no secret of anybody's.

use axum::http::HeaderMap;

use super::cookie::cookie;

/// The cookie that keeps it.
const COOKIE_NAME: &str = "__Host-aegir-look";

/// How somebody wants the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// `auto`, `light`, `dark`.
    pub(crate) theme: &'static str,
    /// Whether keys without a modifier do something.
    pub(crate) shortcuts: bool,
}

impl Default for Look {
    fn default() -> Look {
        Look { theme: "auto", shortcuts: true }
    }
}

impl Look {
    /// As the browser's cookie says.
    pub(crate) fn of(headers: &HeaderMap) -> Look {
        let Some(kept) = cookie(headers, COOKIE_NAME) else { return Look::default() };
        let (theme, keys) = kept.split_once('.').unwrap_or((&kept, "keys"));
        Look { theme: theme_named(theme), shortcuts: keys != "nokeys" }
    }

    /// The header that has a browser keep it, for a year.
    pub(crate) fn kept(self) -> String {
        let keys = if self.shortcuts { "keys" } else { "nokeys" };
        format!("{COOKIE_NAME}={}.{keys}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000", self.theme)
    }
}

/// The theme of this name, else the one that the system has.
pub(crate) fn theme_named(name: &str) -> &'static str {
    ["light", "dark"].into_iter().find(|theme| *theme == name).unwrap_or("auto")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;

    use super::*;

    #[test]
    fn it_comes_back_as_it_was_kept() {
        let look = Look { theme: "dark", shortcuts: false };
        let kept = look.kept();
        let sent = kept.split(';').next().unwrap().to_owned();
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("a=b; {sent}")).unwrap())]);

        assert_eq!(Look::of(&headers), look);
        assert_eq!(Look::of(&HeaderMap::new()), Look::default());
    }
}
