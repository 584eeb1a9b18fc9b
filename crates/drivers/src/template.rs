//! Templates of the files we write, and the filters that every value passes.
//!
//! A built-in template can be overridden by an operator's text of the same name. Nothing is escaped
//! by guess: each `{{ value }}` names the language it is written into, and an undefined value is an
//! error. A test reads every built-in template for a value without a filter.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::DriverFault;

const BUILT_IN: [(&str, &str); 22] = [
    ("apache/alone.conf", include_str!("../templates/apache/alone.conf")),
    ("apache/generation.conf", include_str!("../templates/apache/generation.conf")),
    ("apache/main.conf", include_str!("../templates/apache/main.conf")),
    ("apache/platform.conf", include_str!("../templates/apache/platform.conf")),
    ("apache/rules.conf", include_str!("../templates/apache/rules.conf")),
    ("apache/server.conf", include_str!("../templates/apache/server.conf")),
    ("apache/standalone.conf", include_str!("../templates/apache/standalone.conf")),
    ("apache/vhost.conf", include_str!("../templates/apache/vhost.conf")),
    ("disabled.html", include_str!("../templates/disabled.html")),
    ("fpm/main.conf", include_str!("../templates/fpm/main.conf")),
    ("fpm/pool.conf", include_str!("../templates/fpm/pool.conf")),
    ("nginx/alone.conf", include_str!("../templates/nginx/alone.conf")),
    ("nginx/generation.conf", include_str!("../templates/nginx/generation.conf")),
    ("nginx/main.conf", include_str!("../templates/nginx/main.conf")),
    ("nginx/pages.conf", include_str!("../templates/nginx/pages.conf")),
    ("nginx/php_params.conf", include_str!("../templates/nginx/php_params.conf")),
    ("nginx/platform.conf", include_str!("../templates/nginx/platform.conf")),
    ("nginx/platform.more", include_str!("../templates/nginx/platform.more")),
    ("nginx/rules.conf", include_str!("../templates/nginx/rules.conf")),
    ("nginx/server.conf", include_str!("../templates/nginx/server.conf")),
    ("nginx/standalone.conf", include_str!("../templates/nginx/standalone.conf")),
    ("nginx/vhost.conf", include_str!("../templates/nginx/vhost.conf")),
];

/// The templates to render from: the built-in ones, and an operator's texts in their place.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// Texts by the name of what they replace: `nginx/vhost.conf`.
    pub overrides: BTreeMap<String, String>,
}

impl Templates {
    /// The names that can be overridden.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The page that visitors of a disabled site get: one that either web server answers by itself.
    pub(crate) fn disabled_page(&self) -> Result<String, DriverFault> {
        self.render("disabled.html", Value::UNDEFINED)
    }

    pub(crate) fn render(&self, name: &'static str, values: Value) -> Result<String, DriverFault> {
        let overridden = self.overrides.contains_key(name);
        let fault = |error: Error| DriverFault::Render {
            template: name.to_owned(),
            line: error.line(),
            why: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
            overridden,
        };
        let mut environment = environment();
        for (built_in, text) in BUILT_IN {
            let text = self.overrides.get(built_in).map_or(text, String::as_str);
            // A broken template matters only when it is used.
            match environment.add_template(built_in, text) {
                Err(error) if built_in == name => return Err(fault(error)),
                _ => (),
            }
        }
        environment.get_template(name).and_then(|template| template.render(values)).map_err(fault)
    }
}

fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("the usual delimiters are sound"));
    // Debug output of an error would list the values.
    environment.set_debug(false);
    environment.add_filter("apache_arg", apache_arg);
    environment.add_filter("apache_comment", apache_comment);
    environment.add_filter("apache_env", apache_env);
    environment.add_filter("apache_names", apache_names);
    environment.add_filter("apache_page", apache_page);
    environment.add_filter("apache_pattern", apache_pattern);
    environment.add_filter("apache_word", apache_word);
    environment.add_filter("nginx_arg", nginx_arg);
    environment.add_filter("nginx_page", nginx_page);
    environment.add_filter("nginx_pattern", nginx_pattern);
    environment.add_filter("nginx_word", nginx_word);
    environment.add_filter("nginx_comment", comment);
    environment.add_filter("map_key", map_key);
    environment.add_filter("packed", packed);
    environment.add_filter("php_value", php_value);
    environment.add_filter("ini_value", ini_value);
    environment.add_filter("ini_word", ini_word);
    environment.add_filter("number", number);
    environment
}

fn refuse(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{what} {why}"))
}

fn no_controls(text: &str, what: &str) -> Result<(), Error> {
    match text.chars().any(char::is_control) {
        true => Err(refuse(what, "holds a line break or another control character")),
        false => Ok(()),
    }
}

/// A quoted argument of Apache. `what` names the value in an error. It may stand where Apache takes text as
/// it is, not where it reads an expression. Our rules define `AEGIR_DOLLAR`: Apache has no other way to say
/// `${`, and does not read again what a variable stands for.
fn apache_arg(text: &str, what: &str) -> Result<String, Error> {
    no_controls(text, what)?;
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{}\"", escaped.replace("${", "${AEGIR_DOLLAR}{")))
}

/// A quoted `NAME=value` of Apache's `SetEnvIfExpr`, which reads `$1` and `\1` in it.
fn apache_env(text: &str, what: &str) -> Result<String, Error> {
    if text.contains(['$', '\\']) {
        return Err(refuse(what, "holds one of `$ \\`, which Apache reads as something else"));
    }
    apache_arg(text, what)
}

/// Host names, one behind the other.
fn apache_names(names: Vec<String>) -> Result<String, Error> {
    for name in &names {
        let rest = name.strip_prefix("*.").unwrap_or(name);
        if rest.is_empty() || !rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
            return Err(refuse("a host name", "holds something else than letters, digits, `-` and `.`"));
        }
    }
    Ok(names.join(" "))
}

/// A page that Apache answers by itself, quoted. It reads it as an expression: `$1` and `%{NAME}` stand for something there.
fn apache_page(text: &str, what: &str) -> Result<String, Error> {
    let text = on_one_line(text, what)?;
    match text.contains(['$', '\\']) || text.contains("%{") {
        true => {
            Err(refuse(what, "holds one of `$ \\ %{`, which Apache reads as something else; write `&#36;` or `&#92;`"))
        }
        false => apache_arg(&text, what),
    }
}

/// A page that nginx answers by itself, quoted.
fn nginx_page(text: &str, what: &str) -> Result<String, Error> {
    Ok(format!("\"{}\"", packed(&on_one_line(text, what)?, what)?))
}

/// The longest page that a web server answers by itself, in bytes: nginx reads no more than 4,095 between quotes.
const LONGEST_PAGE: usize = 3800;

/// A page without line breaks, which are as good as spaces there.
fn on_one_line(text: &str, what: &str) -> Result<String, Error> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.len() > LONGEST_PAGE {
        true => Err(refuse(what, &format!("has {} bytes, and may have {LONGEST_PAGE}", line.len()))),
        false => Ok(line),
    }
}

/// A quoted pattern of Apache's `RewriteCond`; a `!` before it means what it does not fit.
fn apache_pattern(text: &str) -> Result<String, Error> {
    no_controls(text, "a pattern")?;
    if text.trim_start_matches('!').starts_with(['<', '>', '=', '-'])
        || ["\\\\", "\"", "${"].iter().any(|bad| text.contains(bad))
    {
        return Err(refuse("a pattern", "holds what Apache would read as something else"));
    }
    Ok(format!("\"{text}\""))
}

/// A word that needs no quotes in Apache.
fn apache_word(text: &str, what: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/[]+".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return Err(refuse(what, "holds something else than letters, digits and `_-.:/[]+`"));
    }
    Ok(text.to_owned())
}

/// Text behind `#`, which Apache carries on in the next line after a `\`.
fn apache_comment(text: &str) -> Result<String, Error> {
    if text.contains(['\\', '$']) {
        return Err(refuse("a comment", "holds one of `\\ $`"));
    }
    comment(text)
}

/// A quoted argument of nginx. `what` names the value in an error.
fn nginx_arg(text: &str, what: &str) -> Result<String, Error> {
    no_controls(text, what)?;
    if text.contains('$') {
        return Err(refuse(what, "holds `$`, which nginx reads as a variable and cannot escape"));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A quoted pattern of a map: as [`nginx_arg`], but with `$`, which is no variable there. A `\` stays
/// as it is, since nginx keeps it before any letter that it does not know.
fn nginx_pattern(text: &str) -> Result<String, Error> {
    no_controls(text, "a pattern")?;
    if ["\\t", "\\r", "\\n", "\\\\", "\""].iter().any(|bad| text.contains(bad)) {
        return Err(refuse("a pattern", "holds what nginx would read as something else"));
    }
    Ok(format!("\"{text}\""))
}

/// A word that needs no quotes in nginx.
fn nginx_word(text: &str, what: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/[]@".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return Err(refuse(what, "holds something else than letters, digits and `_-.:/[]@`"));
    }
    Ok(text.to_owned())
}

/// Text behind `#`.
fn comment(text: &str) -> Result<String, Error> {
    no_controls(text, "a comment")?;
    Ok(text.to_owned())
}

/// A host name as the key of a map.
fn map_key(name: &str) -> Result<String, Error> {
    let rest = name.strip_prefix("*.").unwrap_or(name);
    if rest.is_empty() || !rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
        return Err(refuse("a host name", "holds something else than letters, digits, `-` and `.`"));
    }
    // Words of the map itself: as a key they would be a file to read, or the answer to any name.
    Ok(if ["default", "include"].contains(&name) { format!("\\{name}") } else { name.to_owned() })
}

/// A value on a line of its own between the quotes of nginx, which may hold several lines. It cannot
/// begin another line, and cannot leave the quotes.
fn packed(text: &str, what: &str) -> Result<String, Error> {
    no_controls(text, what)?;
    Ok(text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "${aegir_dollar}"))
}

/// A quoted value of a PHP ini file, php-fpm's included. `what` names the value in an error.
fn ini_value(text: &str, what: &str) -> Result<String, Error> {
    Ok(format!("\"{}\"", php_value(text, what)?))
}

/// What may stand between quotes in a PHP ini file, or in the settings that a web server sends PHP; the
/// quotes stand elsewhere.
fn php_value(text: &str, what: &str) -> Result<String, Error> {
    no_controls(text, what)?;
    if text.contains(['"', '$', '\\']) {
        return Err(refuse(what, "holds one of `\" $ \\`, which PHP reads as something else"));
    }
    Ok(text.to_owned())
}

/// A word that needs no quotes in a PHP ini file.
fn ini_word(text: &str, what: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        return Err(refuse(what, "holds something else than letters, digits and `_-./`"));
    }
    Ok(text.to_owned())
}

fn number(value: u64) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn every_value_in_a_template_passes_a_filter() {
        for (name, text) in BUILT_IN {
            for value in text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
                assert!(value.contains('|'), "{name}: `{value}` has no filter");
            }
        }
    }

    #[test]
    fn no_value_leaves_its_quotes() {
        assert_eq!(nginx_arg("a\"; b\\", "x").unwrap(), r#""a\"; b\\""#);
        for bad in ["a\nb", "a$b", "a\0"] {
            assert!(nginx_arg(bad, "the name").unwrap_err().to_string().contains("the name"), "{bad:?}");
        }
        assert_eq!(apache_arg("a\" b\\ $x %{y}", "x").unwrap(), r#""a\" b\\ $x %{y}""#);
        assert_eq!(apache_arg("$${PATH}", "x").unwrap(), r#""$${AEGIR_DOLLAR}{PATH}""#);
        for bad in ["a\nb", "a\0"] {
            assert!(apache_arg(bad, "the name").unwrap_err().to_string().contains("the name"), "{bad:?}");
        }
        for bad in ["N=a$1", "N=a\\1", "N=a\nb"] {
            assert!(apache_env(bad, "x").is_err(), "{bad:?}");
        }
        assert!(apache_names(vec!["a.test>".into()]).is_err());
        assert!(apache_word("a.test\"", "x").is_err() && apache_word("a b", "x").is_err());
        assert!(apache_pattern("!=a").is_err() && apache_pattern("a\"b").is_err());
        assert!(apache_comment("a\\").is_err());
        for bad in ["a\nb", "a\"b", "${HOME}"] {
            assert!(ini_value(bad, "x").is_err(), "{bad:?}");
        }
        assert_eq!(packed(r#"a"; \n$x{"#, "x").unwrap(), r#"a\"; \\n${aegir_dollar}x{"#);
        assert!(packed("a\n  site = b.test", "the name").unwrap_err().to_string().contains("the name"));
        assert!(map_key("a.test;").is_err());
        assert_eq!(map_key("include").unwrap(), r"\include");
        assert!(nginx_word("80; return 200", "x").is_err());
    }

    #[test]
    fn a_page_of_many_lines_is_one_argument_and_one_that_is_too_long_is_refused() {
        let page = "<p class=\"a\">\n  1 $ is\\\n</p>\n";
        assert_eq!(nginx_page(page, "x").unwrap(), r#""<p class=\"a\"> 1 ${aegir_dollar} is\\ </p>""#);
        assert_eq!(apache_page("<p class=\"a\">\n100%</p>", "x").unwrap(), r#""<p class=\"a\"> 100%</p>""#);
        for bad in ["%{HTTP_HOST}", "for $1", "a \\ b"] {
            assert!(apache_page(bad, "the page").unwrap_err().to_string().contains("the page holds one of"), "{bad}");
        }
        let long = "x".repeat(LONGEST_PAGE + 1);
        assert!(nginx_page(&long, "x").is_err() && apache_page(&long, "x").is_err());
    }

    #[test]
    fn an_operators_broken_template_is_named_with_its_line() {
        let overrides = BTreeMap::from([("nginx/generation.conf".into(), "\n{{ nothing | number }}".into())]);
        let fault = Templates { overrides }.render("nginx/generation.conf", context! {}).unwrap_err();
        assert!(fault.to_string().starts_with("cannot write `nginx/generation.conf`, line 2: "), "{fault}");
        assert!(aegir_domain::Remedy::remedy(&fault).unwrap().contains("templates/nginx/generation.conf"));
    }
}
