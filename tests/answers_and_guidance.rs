//! answers_and_guidance
