//! A part of an object that others may share.

use std::fmt;
use std::sync::OnceLock;

use serde_json::Value;

/// A top-level field of an object, with the text that it was written as.
///
/// The text is kept, because the same field is written again and again: for the revision of an
/// installation, for its output, and for the next installation that has the same CRD. Where the text
/// is known first, the value is made when somebody asks for it.
pub struct Field {
    value: Value,
    derived: Option<Derived>,
    text: OnceLock<String>,
}

/// A value that is made the first time somebody asks.
struct Derived {
    make: Box<dyn Fn() -> Value + Send + Sync>,
    made: OnceLock<Value>,
}

impl Field {
    /// A field that nothing was derived from yet.
    pub fn new(value: Value) -> Self {
        Self { value, derived: None, text: OnceLock::new() }
    }

    /// A field whose text is known, and a function for its value. The text has to be the one that the
    /// writer gives that value.
    pub fn of_text(text: String, make: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        let derived = Derived { make: Box::new(make), made: OnceLock::new() };
        Self { value: Value::Null, derived: Some(derived), text: OnceLock::from(text) }
    }

    /// The value.
    pub fn value(&self) -> &Value {
        match &self.derived {
            None => &self.value,
            Some(derived) => derived.made.get_or_init(|| (derived.make)()),
        }
    }

    /// The value, to be changed. The text is forgotten.
    pub fn value_mut(&mut self) -> &mut Value {
        self.text.take();
        if let Some(derived) = self.derived.take() {
            self.value = derived.made.into_inner().unwrap_or_else(derived.make);
        }
        &mut self.value
    }

    /// The value by itself.
    pub fn into_value(mut self) -> Value {
        self.value_mut().take()
    }

    /// The text of the field, written the first time. The writer has to be the same every time: only
    /// the first one's text is ever seen.
    pub fn text(&self, write: impl FnOnce(&Value) -> String) -> &str {
        self.text.get_or_init(|| write(self.value()))
    }
}

impl Clone for Field {
    /// A copy is made to be changed, so it starts without the text.
    fn clone(&self) -> Self {
        Self::new(self.value().clone())
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use serde_json::json;

    #[test]
    fn a_changed_field_is_written_anew() {
        let mut field = Field::new(json!(1));
        assert_eq!(field.text(Value::to_string), "1");
        assert_eq!(field.text(|_| "never".to_owned()), "1");
        *field.value_mut() = json!(2);
        assert_eq!(field.text(Value::to_string), "2");
        assert_eq!(field.clone().text(|_| "fresh".to_owned()), "fresh");
    }

    #[test]
    fn a_value_is_made_once_and_only_if_it_is_needed() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let field = || {
            let counter = Arc::clone(&counter);
            Field::of_text("1".to_owned(), move || {
                counter.fetch_add(1, Ordering::Relaxed);
                json!(1)
            })
        };
        assert_eq!(field().text(|_| "never".to_owned()), "1");
        assert_eq!(made.load(Ordering::Relaxed), 0);
        let mut seen = field();
        assert_eq!((seen.value(), seen.value()), (&json!(1), &json!(1)));
        *seen.value_mut() = json!(2);
        assert_eq!(seen.text(Value::to_string), "2");
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert_eq!(field().into_value(), json!(1));
        assert_eq!(field(), Field::new(json!(1)));
    }
}
