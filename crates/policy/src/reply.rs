//! Replies that are given in the model's place, chosen by id.

use crate::document::Fields;
use crate::rule::{Place, item_id, two_languages};
use crate::settings::Text;

/// The reply to a declined request when the rule names none.
pub const DECLINE_DEFAULT: &str = "decline.default";
/// The notice to a request that is held for a human when the rule names none.
pub const REVIEW_NOTICE: &str = "review.notice";
/// The text beside a block when the rule names none.
pub const BLOCK_DEFAULT: &str = "block.default";
/// The text beside a suspension when the rule names none.
pub const SUSPEND_NOTICE: &str = "suspend.notice";
/// The text when a detector was unavailable and policy says closed.
pub const BLOCK_UNAVAILABLE: &str = "block.unavailable";
/// The text when a part that is not text is blocked.
pub const BLOCK_ATTACHMENT: &str = "block.attachment";

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The id; a later pack's reply of the same id replaces an earlier one's.
    pub id: String,
    /// The pack it comes from.
    pub pack: String,
    /// The text, verbatim: no templates.
    pub text: Text,
    /// Whether it offers help in a crisis.
    pub crisis: bool,
    /// Where it was written.
    pub place: Place,
}

/// Reads a reply; `None` when it has errors, which are reported.
pub(crate) fn read(mut fields: Fields<'_, '_>, pack: &str) -> Option<Reply> {
    let file = fields.file();
    let before = file.errors();
    let id = item_id(&mut fields);
    let text = two_languages(&mut fields);
    if text == Text::default() {
        file.error(fields.at(), "a reply without text", "write `zh = \"…\"` and `en = \"…\"`");
    } else if text.zh.is_none() || text.en.is_none() {
        file.warning(fields.at(), "a reply in one language only", "write both `zh` and `en`");
    }
    let crisis = fields.boolean("crisis").unwrap_or(false);
    let (line, column) = file.place(fields.at());
    let place = Place { path: file.path().to_owned(), line, column };
    fields.finish();
    let id = id?;
    (file.errors() == before).then(|| Reply { id, pack: pack.to_owned(), text, crisis, place })
}
