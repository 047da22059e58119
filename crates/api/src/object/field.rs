//! A part of an object that others may share.

use std::sync::OnceLock;

use serde_json::Value;

/// A top-level field of an object, with the text that it was written as.
///
/// The text is kept, because the same field is written again and again: for the revision of an
/// installation, for its output, and for the next installation that has the same CRD.
#[derive(Debug)]
pub struct Field {
    value: Value,
    text: OnceLock<String>,
}

impl Field {
    /// A field that nothing was derived from yet.
    pub fn new(value: Value) -> Self {
        Self { value, text: OnceLock::new() }
    }

    /// A field whose text is known. It has to be the one that the writer would give it.
    pub fn with_text(value: Value, text: String) -> Self {
        Self { value, text: OnceLock::from(text) }
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value, to be changed. The text is forgotten.
    pub fn value_mut(&mut self) -> &mut Value {
        self.text.take();
        &mut self.value
    }

    /// The value by itself.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// The text of the field, written the first time. The writer has to be the same every time: only
    /// the first one's text is ever seen.
    pub fn text(&self, write: impl FnOnce(&Value) -> String) -> &str {
        self.text.get_or_init(|| write(&self.value))
    }
}

impl Clone for Field {
    /// A copy is made to be changed, so it starts without the text.
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(Field::with_text(json!(3), "3".to_owned()).text(|_| "never".to_owned()), "3");
    }
}
