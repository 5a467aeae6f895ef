//! Distillation: a teacher model writes and labels what the student learns from.
