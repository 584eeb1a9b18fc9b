//! The panel: pages for people, of the theme Eldir (`eldir/`).
//!
//! What a page shows is asked of the front end as the API asks it, by the session's actor; what a form does is the
//! operation that it was made from.

pub mod frame;
