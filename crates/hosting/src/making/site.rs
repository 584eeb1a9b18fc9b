//! What is said of a site, and what goes without saying.

use aegir_domain::{
    AccountName, HostName, InstallMethod, InstallSite, Langcode, MachineName, Redirect, SiteContext, SiteName,
    TimeZoneName,
};

use crate::options::{Chosen, Offer, options};
use crate::{BadParameter, BadParameters, Given, Operation};

/// A new site. What was not chosen is taken from what `offer` has for it.
pub(crate) fn new_site(
    operation: &Operation,
    site: SiteName,
    given: &Given,
    offer: &Offer,
) -> Result<InstallSite, BadParameters> {
    let mut chosen = Chosen {
        platform: given.text("platform"),
        profile: given.text("profile"),
        db_server: given.text("db_server"),
        language: given.text("language"),
    };
    let remaining = options(offer, &chosen);
    if !remaining.conflicts.is_empty() {
        let remedy = format!("see what goes together with `aegir site options`{}", as_options(&chosen));
        let mut remedy = Some(remedy);
        let bad = remaining.conflicts.iter().map(|(parameter, why)| BadParameter {
            parameter: (*parameter).to_owned(),
            why: why.clone(),
            // The same for all of them: said once.
            remedy: remedy.take(),
        });
        return Err(BadParameters { operation: operation.name(), bad: bad.collect() });
    }
    let none = |parameter, why: &str, remedy: &str| BadParameters::one(operation, parameter, why, remedy);
    let platform = match &chosen.platform {
        Some(platform) => platform.clone(),
        None => offer.platform_for(&chosen).map(|platform| platform.name.clone()).ok_or_else(|| {
            none(
                "platform",
                "there is no platform for it",
                "add one with `aegir platform add`, or see why the last verify of yours failed",
            )
        })?,
    };
    chosen.platform = Some(platform.clone());
    let db_server = match &chosen.db_server {
        Some(server) => server.clone(),
        None => offer.db_server_for(&chosen).ok_or_else(|| {
            none(
                "db_server",
                "there is no server for its database",
                "add one with `aegir server add NAME --db mariadb …`",
            )
        })?,
    };
    let mail = match given.text("mail") {
        Some(mail) => mail,
        None => format!("admin@{site}").parse().map_err(|_| {
            let why = format!("`admin@{site}` is no address that Drupal accepts, so one must be given");
            BadParameters::one(operation, "mail", why, "give an address such as `editor@example.org`")
        })?,
    };
    let aliases: Vec<HostName> = given.texts("alias");
    let redirect = given.text("redirect_to").map_or(Redirect::None, Redirect::To);
    names_are_sound(operation, &site, &aliases, &redirect)?;
    Ok(InstallSite {
        platform,
        db_server,
        profile: chosen.profile,
        language: chosen.language.unwrap_or_else(Langcode::english),
        time_zone: given.text("time_zone").unwrap_or_else(TimeZoneName::utc),
        title: given.text("title"),
        mail,
        account: given
            .text::<AccountName>("account")
            .ok_or_else(|| none("account", "it must be given", "give a name such as `admin`"))?,
        aliases,
        redirect,
        client: given
            .text::<MachineName>("client")
            .ok_or_else(|| none("client", "it must be given", "give `admin`"))?,
        method: match given.str("method") {
            Some("manual") => InstallMethod::Manual,
            _ => InstallMethod::Profile,
        },
        cron: given.text("cron"),
        // Who asks for it knows what the settings say.
        welcome: None,
        site,
    })
}

/// A site with what was given changed, and all else as it is.
pub(crate) fn changed_site(
    operation: &Operation,
    saved: &SiteContext,
    given: &Given,
) -> Result<SiteContext, BadParameters> {
    let contrary = |parameter, other| {
        BadParameters::one(operation, parameter, format!("it says the contrary of `{other}`"), "give one of the two")
    };
    let aliases = match (given.has("alias"), given.flag("no_alias")) {
        (true, true) => return Err(contrary("no_alias", "alias")),
        (true, false) => given.texts("alias"),
        (false, true) => Vec::new(),
        (false, false) => saved.aliases.clone(),
    };
    let redirect = match (given.text("redirect_to"), given.flag("no_redirect")) {
        (Some(_), true) => return Err(contrary("no_redirect", "redirect_to")),
        (Some(name), false) => Redirect::To(name),
        (None, true) => Redirect::None,
        (None, false) => saved.redirect.clone(),
    };
    names_are_sound(operation, &saved.name, &aliases, &redirect)?;
    let cron = given.text("cron").or(saved.cron);
    Ok(SiteContext { aliases, redirect, cron, ..saved.clone() })
}

/// A site's names are different, and it leads to one of them if to any.
pub(crate) fn names_are_sound(
    operation: &Operation,
    site: &SiteName,
    aliases: &[HostName],
    redirect: &Redirect,
) -> Result<(), BadParameters> {
    for (place, alias) in aliases.iter().enumerate() {
        if *alias == site.host() || aliases[..place].contains(alias) {
            let why = format!("`{alias}` is given twice, or is the site's own name");
            return Err(BadParameters::one(operation, "alias", why, "give each name once"));
        }
    }
    match redirect {
        Redirect::To(name) if *name != site.host() && !aliases.contains(name) => Err(BadParameters::one(
            operation,
            "redirect_to",
            format!("`{name}` is no name of this site"),
            "give the site's own name or one of its aliases",
        )),
        _ => Ok(()),
    }
}

fn as_options(chosen: &Chosen) -> String {
    let mut text = String::new();
    if let Some(platform) = &chosen.platform {
        text.push_str(&format!(" --platform {platform}"));
    }
    if let Some(profile) = &chosen.profile {
        text.push_str(&format!(" --profile {profile}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::OperationId;
    use crate::options::{DbServerOffer, PlatformOffer};

    fn offer() -> Offer {
        Offer {
            platforms: vec![PlatformOffer {
                name: "d10".parse().unwrap(),
                core: vec![10, 3],
                server: "web1".parse().unwrap(),
                profiles: vec!["standard".parse().unwrap()],
                default_profile: None,
                languages: Vec::new(),
                fetches: true,
                engines: vec!["mariadb".into()],
            }],
            db_servers: vec![DbServerOffer { name: "web1".parse().unwrap(), engine: "mariadb".into() }],
        }
    }

    fn new(name: &str, raw: Value, offer: &Offer) -> Result<InstallSite, BadParameters> {
        let operation = OperationId::SiteAdd.declaration();
        new_site(&operation, name.parse().unwrap(), &operation.read(raw.as_object().unwrap())?, offer)
    }

    #[test]
    fn a_name_is_enough() {
        let site = new("a.test", json!({}), &offer()).unwrap();

        assert_eq!((site.platform.as_str(), site.db_server.as_str()), ("d10", "web1"));
        assert_eq!((site.mail.as_str(), site.account.as_str()), ("admin@a.test", "admin"));
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        for (raw, parameter) in [
            (json!({ "platform": "gone" }), "platform"),
            (json!({ "profile": "commons" }), "profile"),
            (json!({ "db_server": "gone" }), "db_server"),
            (json!({ "alias": ["b.test", "b.test"] }), "alias"),
            (json!({ "alias": "a.test" }), "alias"),
            (json!({ "redirect_to": "b.test" }), "redirect_to"),
        ] {
            let bad = new("a.test", raw.clone(), &offer()).unwrap_err();
            assert!(bad.bad.iter().any(|bad| bad.parameter == parameter), "{raw}: {bad}");
        }
        let nowhere = new("a.test", json!({}), &Offer::default()).unwrap_err();
        assert!(nowhere.bad[0].remedy.as_ref().unwrap().contains("aegir platform add"));
    }

    #[test]
    fn a_name_that_makes_no_address_needs_one() {
        assert_eq!(new("localhost", json!({}), &offer()).unwrap_err().bad[0].parameter, "mail");
        assert!(new("localhost", json!({ "mail": "a@b.org" }), &offer()).is_ok());
    }
}
