//! The question that is put to policy.

use menshen_verdict::{Conversation, Role, Side, Verdict};

use crate::settings::Lang;

/// On whose behalf a request is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The application.
    pub app: String,
    /// The tenant.
    pub tenant: String,
    /// The end user, when the client names one.
    pub user: Option<String>,
    /// The user's tier, such as `staff`.
    pub tier: Option<String>,
    /// The scene of this request's key; goes before the settings' scene.
    pub scene: Option<String>,
    /// Whether the end user is known to be a minor.
    pub minor: bool,
}

/// What policy is asked: what was found in which conversation, and on whose behalf.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Which way the conversation travels: a request is [`Side::Input`], an answer [`Side::Output`].
    pub side: Side,
    /// The conversation that was inspected.
    pub conversation: &'a Conversation,
    /// What is in it.
    pub verdict: &'a Verdict,
    /// On whose behalf.
    pub subject: &'a Subject,
    /// Whether this is the second look, at an answer that was already guided. A rule that would guide again then
    /// declines.
    pub guided: bool,
    /// The user's language; without it the settings', else that of the user's text. Give it on the output side,
    /// where the conversation holds the answer alone.
    pub lang: Option<Lang>,
    /// Now, in seconds since 1970 (UTC): standard answers have days of validity.
    pub now_unix_s: i64,
    /// The scene; without it the settings'. [`Question::new`] takes the subject's.
    pub scene: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// A first look, in the language of the text, now.
    pub fn new(side: Side, conversation: &'a Conversation, verdict: &'a Verdict, subject: &'a Subject) -> Self {
        let now_unix_s = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|d| i64::try_from(d.as_secs()).ok())
            .unwrap_or(0);
        let scene = subject.scene.as_deref();
        Question { side, conversation, verdict, subject, guided: false, lang: None, now_unix_s, scene }
    }

    /// The same question with what the settings add.
    pub(crate) fn settled(self, scene: Option<&'a str>, lang: Option<Lang>) -> Self {
        let lang = self.lang.or(lang).unwrap_or_else(|| language_of(self.conversation));
        Question { scene: self.scene.or(scene), lang: Some(lang), ..self }
    }

    /// The scene in force.
    pub(crate) fn scene(&self) -> Option<&'a str> {
        self.scene
    }

    pub(crate) fn language(&self) -> Lang {
        self.lang.unwrap_or_else(|| language_of(self.conversation))
    }
}

/// The language of the last user message; without one, of all text.
fn language_of(conversation: &Conversation) -> Lang {
    let user = conversation.segments.iter().filter(|s| s.role == Role::User);
    match user.clone().map(|s| s.message).max() {
        Some(last) => {
            let zh = user.filter(|s| s.message == last).any(|s| Lang::of(&s.text) == Lang::Zh);
            if zh { Lang::Zh } else { Lang::En }
        }
        None if conversation.segments.iter().any(|s| Lang::of(&s.text) == Lang::Zh) => Lang::Zh,
        None => Lang::En,
    }
}
