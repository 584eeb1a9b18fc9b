//! What a machine that only pretends tells for the welcome letter of a site: another link each time.

use std::collections::BTreeMap;

use aegir_domain::{Context, ContextName, Fault, ProfileTemplate, SiteName, WelcomeAnswer, WelcomeFacts};

use super::{Machine, PretendFault};

/// What is known of it.
#[derive(Default)]
pub(super) struct PretendWelcome {
    answers: BTreeMap<SiteName, WelcomeAnswer>,
    template: Option<ProfileTemplate>,
    links: Vec<String>,
}

impl Machine {
    pub(super) fn welcome(&self, site: &SiteName) -> WelcomeAnswer {
        let mut state = self.state();
        if let Some(answer) = state.welcome.answers.get(site) {
            return answer.clone();
        }
        let name = ContextName::Site(site.clone());
        let Some(Context::Site(saved)) = state.contexts.get(&name).cloned() else {
            return WelcomeAnswer::Refused(Fault::from(PretendFault::Absent(name.to_string())).report());
        };
        let link = format!("http://{site}/user/reset/1/1767225600/welcome-secret-{}/login", state.welcome.links.len());
        state.welcome.links.push(link.clone());
        WelcomeAnswer::Told(Box::new(WelcomeFacts {
            title: saved.title.to_string(),
            address: format!("http://{site}"),
            account: saved.account.to_string(),
            link,
            template: state.welcome.template.clone(),
        }))
    }

    /// From now on whoever asks for the welcome letter of a site is told this; `None`: what there is to tell.
    pub fn welcome_is(&self, site: &str, answer: Option<WelcomeAnswer>) {
        let site = site.parse().expect("it is a site's name");
        let answers = &mut self.state().welcome.answers;
        match answer {
            Some(answer) => answers.insert(site, answer),
            None => answers.remove(&site),
        };
    }

    /// From now on each profile has this template.
    pub fn profiles_have(&self, text: Option<&str>) {
        let path = "profiles/own/aegir-welcome.txt".to_owned();
        self.state().welcome.template = Some(ProfileTemplate { path, text: text.map(str::to_owned) });
    }

    /// The links that were made for letters, in order.
    pub fn welcome_links(&self) -> Vec<String> {
        self.state().welcome.links.clone()
    }
}
