//! Names of a site in the front end: what each is for, and how it is encrypted.

use crate::text::word_enum;

word_enum! {
    /// What a name is to its site.
    DomainKind, "what a name is to its site" {
        /// Its own name.
        Main = "main",
        /// Another name that answers itself.
        Alias = "alias",
        /// A name that leads to another one of the site.
        Redirect = "redirect",
    }
}

word_enum! {
    /// Whether a name is served encrypted.
    TlsMode, "a mode of encryption" {
        /// Plain HTTP.
        Off = "off",
        /// Both.
        Offered = "offered",
        /// Plain HTTP leads to HTTPS.
        Required = "required",
    }
}
