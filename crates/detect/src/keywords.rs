//! Word lists, compiled: two character-wise double-array automata, four ways to read a text.

use std::ops::Range;

use daachorse::CharwiseDoubleArrayAhoCorasick;
use menshen_text::{Folder, View, is_han};
use menshen_verdict::{Side, Span};

use crate::keyword_file::{Colour, KeywordList, Profile};
use crate::separators::{self, Shape};

type Automaton = CharwiseDoubleArrayAhoCorasick<u32>;

/// Words that are matched by sound need this many Han characters: shorter ones sound like too many others.
const MIN_SOUND_CHARS: usize = 3;

/// How a text had to be read for a word to appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Via {
    Folded,
    Tight,
    Composed,
    Sound,
}

/// A word in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// In the original text.
    pub(crate) span: Span,
    pub(crate) profile: u32,
    pub(crate) via: Via,
}

/// One distinct folded (or sounded) word.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// Its profiles are `owners[first..plain]`; those that only a tight reading may use, `owners[plain..end]`.
    first: u32,
    plain: u32,
    end: u32,
    shape: Shape,
}

/// All word lists of an engine.
#[derive(Default)]
pub(crate) struct Keywords {
    words: Option<Automaton>,
    groups: Vec<Group>,
    sounds: Option<Automaton>,
    sound_groups: Vec<Group>,
    owners: Vec<u32>,
    pub(crate) profiles: Vec<Profile>,
    /// The most bytes of original text that a word read tight, composed or by sound can span.
    pub(crate) widest_bytes: usize,
    has_white: bool,
}

/// Where a scan of a growing view stands: everything before `at` has been read, and the last `depth` characters begin
/// a word.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tail {
    pub(crate) at: usize,
    pub(crate) depth: usize,
}

/// A word of a list on its way into an automaton.
struct Word {
    text: String,
    tight_only: bool,
    profile: u32,
}

impl Keywords {
    /// Compiles lists; words that an automaton cannot hold are the caller's to report (it returns the reason).
    pub(crate) fn compile(lists: &[KeywordList<'_>]) -> Result<Keywords, String> {
        let folder = Folder::shared();
        let mut built = Keywords::default();
        let mut words = Vec::new();
        let mut sounds = Vec::new();
        for list in lists {
            let base = built.profiles.len();
            built.profiles.extend(list.profiles.iter().cloned());
            for (written, profile, _) in &list.words {
                let Some(known) = list.profiles.get(*profile) else { continue };
                let profile = u32::try_from(base + profile).map_err(|e| e.to_string())?;
                let text = folder.fold_word(written);
                let text = text.trim();
                if text.is_empty() {
                    continue;
                }
                if known.sound
                    && text.chars().filter(|c| is_han(*c)).count() >= MIN_SOUND_CHARS
                    && let Some(text) = folder.sound_word(text)
                {
                    sounds.push(Word { text, tight_only: false, profile });
                }
                let tight: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
                if tight.chars().count() > 1 && tight.len() != text.len() {
                    words.push(Word { text: tight, tight_only: true, profile });
                }
                words.push(Word { text: text.to_owned(), tight_only: false, profile });
            }
        }
        built.has_white = built.profiles.iter().any(|p| p.colour == Colour::White);
        built.widest_bytes = words.iter().map(|w| separators::widest_bytes(w.text.chars().count())).max().unwrap_or(0);
        (built.words, built.groups) = automaton(words, &mut built.owners)?;
        (built.sounds, built.sound_groups) = automaton(sounds, &mut built.owners)?;
        Ok(built)
    }

    /// How many distinct words there are.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Finds every word of a whole text.
    pub(crate) fn inspect(&self, original: &str, folded: &View, side: Side) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.read_folded(folded, Tail::default(), true, side, &mut hits);
        self.read_otherwise(original, folded, true, side, &mut hits);
        self.settle(hits)
    }

    /// Finds words in the folded view from `tail` on. Unless `complete`, words that touch the end wait for what
    /// follows them.
    pub(crate) fn read_folded(
        &self,
        folded: &View,
        tail: Tail,
        complete: bool,
        side: Side,
        hits: &mut Vec<Hit>,
    ) -> Tail {
        let Some(words) = &self.words else { return Tail { at: folded.text.len(), depth: 0 } };
        scan(words, &folded.text, tail, complete, |range, group| {
            let Some(group) = self.groups.get(group as usize) else { return };
            if group.first < group.plain && group.shape.stands_alone(&folded.text, &range) {
                self.note(group.first..group.plain, folded.origin(range), Via::Folded, side, hits);
            }
        })
    }

    /// Finds words in the tight, composed and sound views of a folded view.
    ///
    /// Unless `complete`, words that touch the end wait for what follows them, and the answer is the earliest byte of
    /// the original that an unfinished word touches (the original's length when there is none).
    pub(crate) fn read_otherwise(
        &self,
        original: &str,
        folded: &View,
        complete: bool,
        side: Side,
        hits: &mut Vec<Hit>,
    ) -> usize {
        let folder = Folder::shared();
        let mut frontier = original.len();
        if let Some(words) = &self.words {
            let tight = folder.tight(folded);
            let base = tight.as_ref().unwrap_or(folded);
            // Without separators the reading holds nothing that the folded view has not, but a word may have begun.
            if tight.is_some() || !complete {
                let tail = scan(words, &base.text, Tail::default(), complete, |range, group| {
                    let Some(group) = self.groups.get(group as usize).filter(|_| tight.is_some()) else { return };
                    if separators::allow(&group.shape, base, &range, original, true) {
                        self.note(group.first..group.end, base.origin(range), Via::Tight, side, hits);
                    }
                });
                frontier = frontier.min(separators::unfinished(base, tail, original));
            }
            if let Some(composed) = folder.composed(base) {
                let tail = scan(words, &composed.text, Tail::default(), complete, |range, group| {
                    let Some(group) = self.groups.get(group as usize) else { return };
                    if separators::allow(&group.shape, &composed, &range, original, false) {
                        self.note(group.first..group.end, composed.origin(range), Via::Composed, side, hits);
                    }
                });
                frontier = frontier.min(separators::unfinished(&composed, tail, original));
            }
        }
        if let Some(sounds) = &self.sounds
            && let Some(sound) = folder.sound(folded)
        {
            let tail = scan(sounds, &sound.text, Tail::default(), complete, |range, group| {
                let Some(group) = self.sound_groups.get(group as usize) else { return };
                if group.shape.stands_alone(&sound.text, &range) {
                    self.note(group.first..group.plain, sound.origin(range), Via::Sound, side, hits);
                }
            });
            frontier = frontier.min(separators::unfinished(&sound, tail, original));
        }
        frontier
    }

    /// [`Self::read_otherwise`] of a text that goes on. What stands at its end may not be read as it will be: half a
    /// split character, half a syllable. So the earliest unfinished word is also looked for without that half.
    pub(crate) fn read_growing(&self, original: &str, side: Side, hits: &mut Vec<Hit>) -> usize {
        let folder = Folder::shared();
        let mut frontier = self.read_otherwise(original, &folder.fold(original), false, side, hits);
        if self.words.is_none() {
            return frontier;
        }
        for cut in separators::open_ends(original).into_iter().flatten() {
            let shorter = &original[..cut];
            let reached = self.read_otherwise(shorter, &folder.fold(shorter), false, side, &mut Vec::new());
            frontier = frontier.min(reached);
        }
        frontier
    }

    fn note(&self, owners: Range<u32>, span: Span, via: Via, side: Side, hits: &mut Vec<Hit>) {
        let owners = self.owners.get(owners.start as usize..owners.end as usize).unwrap_or_default();
        for profile in owners {
            if self.profiles.get(*profile as usize).is_some_and(|p| p.sides.has(side)) {
                hits.push(Hit { span, profile: *profile, via });
            }
        }
    }

    /// Drops what does not count: the same word found again in another reading, words inside longer ones of their
    /// list, words that a longer white word overlaps, and the white words themselves. In the order of the text.
    pub(crate) fn settle(&self, mut hits: Vec<Hit>) -> Vec<Hit> {
        if hits.is_empty() {
            return hits;
        }
        let colour = |hit: &Hit| self.profiles.get(hit.profile as usize).map_or(Colour::White, |p| p.colour);
        // Longer before shorter at one start, plain readings before others at one span.
        hits.sort_unstable_by_key(|h| (h.span.start, std::cmp::Reverse(h.span.end), h.via, h.profile));
        hits.dedup_by(|b, a| a.span == b.span && a.profile == b.profile);
        let white: Vec<Span> = if self.has_white {
            hits.iter().filter(|h| colour(h) == Colour::White).map(|h| h.span).collect()
        } else {
            Vec::new()
        };
        let longest_white = white.iter().map(|s| s.end - s.start).max().unwrap_or(0);
        let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
        // By list: the end of the furthest hit kept so far. A later start with an end before it lies inside.
        let mut reached: Vec<(&str, usize)> = Vec::new();
        for hit in &hits {
            let Some(profile) = self.profiles.get(hit.profile as usize) else { continue };
            if profile.colour == Colour::White || whitened(&white, longest_white, hit.span) {
                continue;
            }
            match reached.iter_mut().find(|(list, _)| *list == profile.detector) {
                Some((_, end)) if hit.span.end <= *end => continue,
                Some((_, end)) => *end = hit.span.end,
                None => reached.push((&profile.detector, hit.span.end)),
            }
            kept.push(*hit);
        }
        kept
    }
}

/// Whether a white word contains the span, or overlaps it and is longer.
fn whitened(white: &[Span], longest: usize, span: Span) -> bool {
    let first = white.partition_point(|w| w.start + longest <= span.start);
    white.iter().skip(first).take_while(|w| w.start < span.end).any(|w| {
        let contains = w.start <= span.start && span.end <= w.end;
        contains || (w.overlaps(span) && w.end - w.start > span.end - span.start)
    })
}

fn automaton(mut words: Vec<Word>, owners: &mut Vec<u32>) -> Result<(Option<Automaton>, Vec<Group>), String> {
    if words.is_empty() {
        return Ok((None, Vec::new()));
    }
    words.sort_unstable_by(|a, b| (&a.text, a.tight_only, a.profile).cmp(&(&b.text, b.tight_only, b.profile)));
    words.dedup_by(|b, a| a.text == b.text && a.profile == b.profile);
    let index = |owners: &Vec<u32>| u32::try_from(owners.len()).map_err(|e| e.to_string());
    let mut groups = Vec::new();
    let mut keys: Vec<(&str, u32)> = Vec::new();
    for same in words.chunk_by(|a, b| a.text == b.text) {
        let Some(word) = same.first() else { continue };
        let first = index(owners)?;
        owners.extend(same.iter().filter(|w| !w.tight_only).map(|w| w.profile));
        let plain = index(owners)?;
        owners.extend(same.iter().filter(|w| w.tight_only).map(|w| w.profile));
        keys.push((&word.text, u32::try_from(groups.len()).map_err(|e| e.to_string())?));
        groups.push(Group { first, plain, end: index(owners)?, shape: Shape::of(&word.text) });
    }
    let mut automaton = Automaton::with_values(keys).map_err(|e| e.to_string())?;
    automaton.cache_depths().map_err(|e| e.to_string())?;
    Ok((Some(automaton), groups))
}

/// Feeds `text[tail.at..]` to the automaton and calls `found` for every word, once the character after it is known
/// (or, when `complete`, known to be absent).
fn scan(
    automaton: &Automaton,
    text: &str,
    tail: Tail,
    complete: bool,
    mut found: impl FnMut(Range<usize>, u32),
) -> Tail {
    let mut stepper = automaton.find_overlapping_stepper();
    let mut end = text.floor_char_boundary(tail.at);
    // The state after reading is that of the longest suffix that begins a word, so reading that again restores it.
    let replay: Vec<char> = text[..end].chars().rev().take(tail.depth).collect();
    for c in replay.into_iter().rev() {
        stepper.consume(c);
    }
    let start = end;
    let fresh = tail.at == 0;
    for c in text[start..].chars() {
        for m in stepper.matches() {
            found(end - (m.end() - m.start())..end, m.value());
        }
        stepper.consume(c);
        end += c.len_utf8();
    }
    if complete && (end > start || !fresh) {
        for m in stepper.matches() {
            found(end - (m.end() - m.start())..end, m.value());
        }
    }
    Tail { at: end, depth: stepper.depth().unwrap_or(0) as usize }
}
