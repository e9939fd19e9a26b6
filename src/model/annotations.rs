use serde_json::Value;

/// Removes the annotations of a template: every key that begins with `//`, at any depth.
pub fn without_annotations(document: Value) -> Value {
    match document {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, _)| !key.starts_with("//"))
                .map(|(key, value)| (key, without_annotations(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_annotations).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
