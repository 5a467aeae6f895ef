//! The course of a step: which request is next, given what was answered.

use serde_json::{Value, json};

use super::answer::Unusable;
use super::ledger::{Ledger, Request};

/// Something that the teacher is asked, once or, when its answer cannot be used, a few times.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// A name for people.
    pub id: String,
    /// The body, without `seed`.
    pub body: Value,
    /// Tells apart questions with the same body, such as the votes on one text.
    pub salt: u32,
}

/// What to do about a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<T> {
    /// Send this.
    Ask(Request),
    /// It is answered.
    Answered(T),
    /// Every draw was unusable; the last one so.
    GivenUp(Unusable),
}

/// Reads an answer.
pub type Read<'a, T> = Box<dyn Fn(&str) -> Result<T, Unusable> + 'a>;

/// How questions are asked and answers read.
pub struct Course<'a, T> {
    /// How many questions there are.
    pub len: usize,
    /// The question at a place of the plan; made when it is needed, since mass data has many.
    pub ask: Box<dyn Fn(usize) -> Option<Question> + 'a>,
    /// Draws after the first.
    pub redraws: u32,
    /// Whether `seed` is sent, and which it is derived from.
    pub seed: Option<u64>,
    /// Reads an answer.
    pub read: Read<'a, T>,
}

impl<T> Course<'_, T> {
    /// What to do about a question of the plan. A pure function of the ledger; `None` beyond the last question.
    pub fn next(&self, at: usize, ledger: &Ledger) -> Option<Next<T>> {
        let question = (self.ask)(at).filter(|_| at < self.len)?;
        let mut last = Unusable::Empty;
        for draw in 0..=self.redraws {
            let request = self.request(&question, draw);
            let Some(entry) = ledger.get(&request.key) else { return Some(Next::Ask(request)) };
            if entry.filtered {
                last = Unusable::Refused;
                continue;
            }
            match (self.read)(entry.answer.as_deref().unwrap_or_default()) {
                Ok(read) => return Some(Next::Answered(read)),
                Err(why) => last = why,
            }
        }
        Some(Next::GivenUp(last))
    }

    fn request(&self, question: &Question, draw: u32) -> Request {
        let number = question.salt.wrapping_mul(self.redraws.saturating_add(1)).wrapping_add(draw);
        let mut body = question.body.clone();
        if let (Some(seed), Some(members)) = (self.seed, body.as_object_mut()) {
            // Servers take 32 bits.
            let seed = (seed ^ u64::from(number).wrapping_mul(0x9E37_79B9)) & 0x7FFF_FFFF;
            members.insert("seed".to_owned(), json!(seed));
        }
        Request::new(body, number)
    }

    /// How many questions are settled, one way or the other.
    pub fn settled(&self, ledger: &Ledger) -> usize {
        (0..self.len).filter(|at| !matches!(self.next(*at, ledger), Some(Next::Ask(_)))).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distill::ledger::Entry;

    #[test]
    fn an_unusable_answer_is_drawn_again_a_bounded_number_of_times() {
        let ask = |_| Some(Question { id: "q".into(), body: json!({"m": 1}), salt: 0 });
        let read = |a: &str| a.parse::<u32>().map_err(|_| Unusable::Malformed);
        let course = Course { len: 1, ask: Box::new(ask), redraws: 1, seed: Some(1), read: Box::new(read) };
        let mut ledger = Ledger::default();
        let mut keys = Vec::new();
        let answers = ["x", "y"];
        while let Some(Next::Ask(request)) = course.next(0, &ledger) {
            let answer = answers[keys.len()].to_owned();
            ledger.add(Entry { key: request.key.clone(), answer: Some(answer), ..Entry::default() });
            keys.push(request.key);
        }
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0], keys[1]);
        assert_eq!(course.next(0, &ledger), Some(Next::GivenUp(Unusable::Malformed)));
        assert_eq!(course.settled(&ledger), 1);
        assert_eq!(course.next(1, &ledger), None);
    }
}
