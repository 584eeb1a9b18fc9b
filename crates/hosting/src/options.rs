//! Which values remain for a form that is filled in by half (G2).
//!
//! Pure, and the same for the API, the command line and the panel: given what is chosen, each other
//! choice is narrowed to what goes with it. The rest of a form is never emptied silently: what no longer goes
//! with a choice is named.

use std::collections::BTreeSet;

use aegir_domain::{Langcode, MachineName, PlatformName, ProfileLanguage, ServerName};
use serde_json::{Value, json};

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Platforms that take new sites.
    pub platforms: Vec<PlatformOffer>,
    /// Servers that hold databases.
    pub db_servers: Vec<DbServerOffer>,
}

/// A platform that takes new sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformOffer {
    /// Its name.
    pub name: PlatformName,
    /// Its version of Drupal, for the order: numbers of each part.
    pub core: Vec<u32>,
    /// The server that serves it.
    pub server: ServerName,
    /// The profiles that it has.
    pub profiles: Vec<MachineName>,
    /// The one that a site gets if none is named.
    pub default_profile: Option<MachineName>,
    /// The languages that it has translations of at hand, for each profile; English goes without saying.
    pub languages: Vec<ProfileLanguage>,
    /// Whether its Drupal fetches other languages when a site is installed, as 8 and later do.
    pub fetches: bool,
    /// The database engines that its PHP and its Drupal speak with: `mariadb`, `sqlite`.
    pub engines: Vec<String>,
}

/// A server that holds databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbServerOffer {
    /// Its name.
    pub name: ServerName,
    /// Its product: `mariadb`, `sqlite`.
    pub engine: String,
}

/// What is chosen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The platform.
    pub platform: Option<PlatformName>,
    /// The profile.
    pub profile: Option<MachineName>,
    /// The database server.
    pub db_server: Option<ServerName>,
    /// The language.
    pub language: Option<Langcode>,
}

/// What remains to be chosen from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Platforms that go with the rest, the best first: the newest Drupal.
    pub platforms: Vec<PlatformName>,
    /// Profiles that go with the rest.
    pub profiles: Vec<MachineName>,
    /// Database servers that go with the rest, the best first: the platform's own.
    pub db_servers: Vec<ServerName>,
    /// Languages that are at hand without being fetched.
    pub languages: Vec<Langcode>,
    /// What was chosen and does not go with the rest: name of the parameter, and why.
    pub conflicts: Vec<(&'static str, String)>,
}

/// Says what remains of `offer`, given what is `chosen`.
pub fn options(offer: &Offer, chosen: &Chosen) -> Remaining {
    let engine_of = |server: &ServerName| offer.db_servers.iter().find(|db| db.name == *server).map(|db| &db.engine);
    let speaks = |platform: &PlatformOffer, engine: &str| platform.engines.iter().any(|has| has == engine);
    // A choice narrows the others, and never itself.
    let fits_profile =
        |platform: &PlatformOffer| chosen.profile.as_ref().is_none_or(|profile| platform.profiles.contains(profile));
    let fits_database = |platform: &PlatformOffer| match &chosen.db_server {
        Some(server) => engine_of(server).is_some_and(|engine| speaks(platform, engine)),
        None => offer.db_servers.iter().any(|db| speaks(platform, &db.engine)),
    };
    let fits_language = |platform: &PlatformOffer| match &chosen.language {
        Some(language) => platform.can_be_in(chosen.profile.as_ref(), language),
        None => true,
    };
    let is_chosen = |platform: &PlatformOffer| chosen.platform.as_ref().is_none_or(|name| *name == platform.name);

    let fits = |platform: &&PlatformOffer| fits_profile(platform) && fits_database(platform) && fits_language(platform);
    let mut platforms: Vec<&PlatformOffer> = offer.platforms.iter().filter(fits).collect();
    platforms.sort_by(|a, b| b.core.cmp(&a.core).then_with(|| a.name.cmp(&b.name)));

    let profiles: BTreeSet<MachineName> = offer
        .platforms
        .iter()
        .filter(|platform| is_chosen(platform) && fits_database(platform))
        .flat_map(|platform| platform.profiles.iter().map(move |profile| (platform, profile)))
        .filter(|(platform, profile)| {
            chosen.language.as_ref().is_none_or(|language| platform.can_be_in(Some(profile), language))
        })
        .map(|(_, profile)| profile.clone())
        .collect();

    let hosts: Vec<&PlatformOffer> =
        offer.platforms.iter().filter(|platform| is_chosen(platform) && fits_profile(platform)).collect();
    let mut db_servers: Vec<&DbServerOffer> =
        offer.db_servers.iter().filter(|db| hosts.iter().any(|platform| speaks(platform, &db.engine))).collect();
    let own = |db: &DbServerOffer| !hosts.iter().any(|platform| platform.server == db.name);
    db_servers.sort_by(|a, b| (own(a), a.engine == "sqlite", &a.name).cmp(&(own(b), b.engine == "sqlite", &b.name)));

    let mut languages: BTreeSet<Langcode> = hosts
        .iter()
        .filter(|platform| fits_database(platform))
        .flat_map(|platform| platform.at_hand(chosen.profile.as_ref()).cloned())
        .collect();
    languages.insert(Langcode::english());

    let platforms: Vec<_> = platforms.into_iter().map(|platform| platform.name.clone()).collect();
    let profiles: Vec<_> = profiles.into_iter().collect();
    let db_servers: Vec<_> = db_servers.into_iter().map(|db| db.name.clone()).collect();
    let mut conflicts = Vec::new();
    if let Some(name) = chosen.platform.as_ref().filter(|name| !platforms.contains(name)) {
        let why = match offer.platforms.iter().any(|platform| platform.name == *name) {
            true => format!("the platform `{name}` does not go with the rest of what is chosen"),
            false => format!("the platform `{name}` takes no new sites: it is not there, locked, or not verified"),
        };
        conflicts.push(("platform", why));
    }
    if let Some(profile) = chosen.profile.as_ref().filter(|profile| !profiles.contains(profile)) {
        conflicts.push(("profile", format!("no platform that remains has the profile `{profile}`")));
    }
    if let Some(server) = chosen.db_server.as_ref().filter(|server| !db_servers.contains(server)) {
        let why = match engine_of(server) {
            Some(engine) => format!("the platform cannot use `{server}`, whose databases are {engine}"),
            None => format!("`{server}` holds no databases"),
        };
        conflicts.push(("db_server", why));
    }
    if let Some(language) = &chosen.language
        && let Some(platform) = chosen.platform.as_ref().and_then(|name| hosts.iter().find(|host| host.name == *name))
        && !fits_language(platform)
    {
        let of = match platform.profile_for(chosen.profile.as_ref()) {
            Some(profile) => format!("the profile `{profile}` of `{}`", platform.name),
            None => format!("the platform `{}`", platform.name),
        };
        let why = format!(
            "{of} had no translation to `{language}` at its last verify, and its Drupal fetches none when it installs"
        );
        conflicts.push(("language", why));
    }
    Remaining { platforms, profiles, db_servers, languages: languages.into_iter().collect(), conflicts }
}

impl PlatformOffer {
    /// The profile that a site is made from, if `chosen` is what was asked for.
    fn profile_for<'a>(&'a self, chosen: Option<&'a MachineName>) -> Option<&'a MachineName> {
        chosen.or(self.default_profile.as_ref())
    }

    /// The languages that are at hand: of the profile that is chosen, else of any.
    fn at_hand(&self, profile: Option<&MachineName>) -> impl Iterator<Item = &Langcode> {
        let of_it = move |found: &&ProfileLanguage| profile.is_none_or(|profile| found.profile == *profile);
        self.languages.iter().filter(of_it).map(|found| &found.language)
    }

    /// Whether a site here can have this language; of no profile chosen, one of the profile that it gets then.
    fn can_be_in(&self, profile: Option<&MachineName>, language: &Langcode) -> bool {
        *language == Langcode::english()
            || self.fetches
            || self.at_hand(self.profile_for(profile)).any(|has| has == language)
    }
}

impl Offer {
    /// The platform that a site gets if none is named: the best that goes with the rest.
    pub fn platform_for(&self, chosen: &Chosen) -> Option<&PlatformOffer> {
        let best = options(self, chosen).platforms.into_iter().next()?;
        self.platforms.iter().find(|platform| platform.name == best)
    }

    /// The database server that a site gets if none is named.
    pub fn db_server_for(&self, chosen: &Chosen) -> Option<ServerName> {
        options(self, chosen).db_servers.into_iter().next()
    }
}

impl Remaining {
    /// For the API: a list of values for each parameter, and what is the only one left.
    pub fn as_json(&self) -> Value {
        fn list<T: ToString>(values: &[T]) -> Value {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            json!({ "values": values, "only": (values.len() == 1).then(|| values[0].clone()) })
        }
        json!({
            "platform": list(&self.platforms),
            "profile": list(&self.profiles),
            "db_server": list(&self.db_servers),
            "language": list(&self.languages),
            "conflicts": self.conflicts.iter().map(|(parameter, why)| json!({ "parameter": parameter, "why": why })).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<T: std::str::FromStr>(texts: &[&str]) -> Vec<T> {
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    fn offer() -> Offer {
        let platform = |name: &str, core: &[u32], profiles: &[&str], engines: &[&str]| PlatformOffer {
            name: name.parse().unwrap(),
            core: core.to_vec(),
            server: "web1".parse().unwrap(),
            profiles: names(profiles),
            default_profile: None,
            languages: Vec::new(),
            fetches: core[0] >= 8,
            engines: engines.iter().map(|engine| (*engine).to_owned()).collect(),
        };
        let db = |name: &str, engine: &str| DbServerOffer { name: name.parse().unwrap(), engine: engine.into() };
        Offer {
            platforms: vec![
                platform("d7", &[7, 105], &["standard", "commons"], &["mariadb", "sqlite"]),
                platform("d10", &[10, 3, 6], &["standard", "umami"], &["mariadb"]),
                platform("d9", &[9, 5, 11], &["standard"], &["mariadb"]),
            ],
            db_servers: vec![db("files", "sqlite"), db("other", "mariadb"), db("web1", "mariadb")],
        }
    }

    #[test]
    fn with_nothing_chosen_the_newest_drupal_and_its_own_database_come_first() {
        let remaining = options(&offer(), &Chosen::default());

        assert_eq!(remaining.platforms, names(&["d10", "d9", "d7"]));
        assert_eq!(remaining.db_servers, names(&["web1", "other", "files"]));
        assert!(remaining.conflicts.is_empty());
    }

    #[test]
    fn each_choice_narrows_the_others_and_not_itself() {
        let chosen = Chosen { profile: "commons".parse().ok(), ..Chosen::default() };

        let remaining = options(&offer(), &chosen);

        assert_eq!(remaining.platforms, names(&["d7"]));
        assert_eq!(remaining.profiles, names(&["commons", "standard", "umami"]));
        assert_eq!(remaining.as_json()["platform"]["only"], "d7");
    }

    #[test]
    fn a_platform_without_a_driver_for_it_offers_no_such_database() {
        let chosen = Chosen { platform: "d10".parse().ok(), ..Chosen::default() };
        assert_eq!(options(&offer(), &chosen).db_servers, names(&["web1", "other"]));

        let both = Chosen { db_server: "files".parse().ok(), ..chosen };
        let remaining = options(&offer(), &both);

        assert_eq!(remaining.platforms, names(&["d7"]));
        let what: Vec<_> = remaining.conflicts.iter().map(|(parameter, _)| *parameter).collect();
        assert_eq!(what, ["platform", "db_server"]);
    }

    #[test]
    fn what_is_not_there_is_said_to_be_so() {
        let chosen = Chosen { platform: "gone".parse().ok(), profile: "none".parse().ok(), ..Chosen::default() };

        let remaining = options(&offer(), &chosen);

        assert_eq!(remaining.conflicts.len(), 2);
        assert!(remaining.conflicts[0].1.contains("takes no new sites"));
    }

    #[test]
    fn a_language_that_is_not_at_hand_is_refused_where_drupal_fetches_none() {
        let mut offer = offer();
        let of = |profile: &str, language: &str| ProfileLanguage {
            profile: profile.parse().unwrap(),
            language: language.parse().unwrap(),
        };
        offer.platforms[0].languages = vec![of("standard", "de"), of("commons", "nl")];
        offer.platforms[0].default_profile = "standard".parse().ok();
        offer.platforms[1].languages = vec![of("umami", "es")];
        let languages =
            |remaining: Remaining| -> Vec<String> { remaining.languages.iter().map(ToString::to_string).collect() };
        let on = |platform: &str, profile: &str| Chosen {
            platform: platform.parse().ok(),
            profile: profile.parse().ok(),
            ..Chosen::default()
        };
        assert_eq!(languages(options(&offer, &Chosen::default())), ["de", "en", "es", "nl"]);
        assert_eq!(languages(options(&offer, &on("d7", "-"))), ["de", "en", "nl"]);
        assert_eq!(languages(options(&offer, &on("d7", "commons"))), ["en", "nl"]);
        assert_eq!(languages(options(&offer, &on("d10", "standard"))), ["en"]);

        let dutch = |chosen: Chosen| options(&offer, &Chosen { language: "nl".parse().ok(), ..chosen });
        let remaining = dutch(Chosen::default());
        assert_eq!(remaining.platforms, names(&["d10", "d9"]), "Drupal 10 fetches it; a site of d7 would be standard");
        assert_eq!(remaining.profiles, names(&["commons", "standard", "umami"]));
        assert_eq!(dutch(on("-", "commons")).platforms, names(&["d7"]));
        assert_eq!(dutch(on("d10", "umami")).conflicts, []);
        assert_eq!(dutch(on("d7", "commons")).conflicts, []);
        let conflicts = dutch(on("d7", "-")).conflicts;
        assert_eq!(conflicts.len(), 2, "{conflicts:?}");
        assert!(
            conflicts[1].1.starts_with("the profile `standard` of `d7` had no translation to `nl`"),
            "{conflicts:?}"
        );
    }
}
