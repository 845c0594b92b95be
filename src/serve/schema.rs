//! JSON shapes that describe themselves: what is answered and what is asked for, as types, and the same as schemas of
//! an OpenAPI document, from one declaration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The named schemas that were met.
pub type Schemas = BTreeMap<&'static str, Value>;

/// What JSON a type is.
pub trait Shape {
    /// Its schema, or a reference to it, which is then among `met`.
    fn schema(met: &mut Schemas) -> Value;
}

macro_rules! plain {
    ($($type:ty => $schema:expr),* $(,)?) => {
        $(impl Shape for $type {
            fn schema(_: &mut Schemas) -> Value {
                $schema
            }
        })*
    };
}

plain! {
    bool => json!({"type": "boolean"}),
    i64 => json!({"type": "integer", "format": "int64"}),
    u64 => json!({"type": "integer", "minimum": 0}),
    u32 => json!({"type": "integer", "minimum": 0}),
    usize => json!({"type": "integer", "minimum": 0}),
    u16 => json!({"type": "integer", "minimum": 0}),
    f32 => json!({"type": "number"}),
    f64 => json!({"type": "number"}),
    String => json!({"type": "string"}),
    &'static str => json!({"type": "string"}),
}

impl<T: Shape> Shape for Vec<T> {
    fn schema(met: &mut Schemas) -> Value {
        json!({"type": "array", "items": T::schema(met)})
    }
}

impl<T: Shape> Shape for Option<T> {
    fn schema(met: &mut Schemas) -> Value {
        json!({"anyOf": [T::schema(met), {"type": "null"}]})
    }
}

/// Declares a JSON object: `out` for answers, all of whose fields are there, `in` for what is asked for, whose
/// `Option`s may be missing.
macro_rules! shape {
    (out $(#[doc = $about:literal])* $name:ident { $($(#[doc = $what:literal])* $field:ident: $type:ty,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $($(#[doc = $what])* pub $field: $type,)*
        }
        shape!(@schema $name [$($about)*] [$($field),*] $($field: $type [$($what)*])*);
    };
    (in $(#[doc = $about:literal])* $name:ident { $($(#[doc = $what:literal])* $field:ident: $type:ty,)* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $what])* pub $field: $type,)*
        }
        shape!(@schema $name [$($about)*] [] $($field: $type [$($what)*])*);
    };
    (@schema $name:ident [$($about:literal)*] [$($required:ident),*] $($field:ident: $type:ty [$($what:literal)*])*) => {
        impl $crate::serve::schema::Shape for $name {
            fn schema(met: &mut $crate::serve::schema::Schemas) -> serde_json::Value {
                if !met.contains_key(stringify!($name)) {
                    // So that a shape that holds itself ends.
                    met.insert(stringify!($name), serde_json::Value::Null);
                    let mut properties = serde_json::Map::new();
                    $({
                        let schema = <$type as $crate::serve::schema::Shape>::schema(met);
                        let schema = $crate::serve::schema::with_words(schema, concat!($($what),*));
                        properties.insert($crate::serve::schema::in_json(stringify!($field)).to_owned(), schema);
                    })*
                    let required: &[&str] = &[$($crate::serve::schema::in_json(stringify!($required))),*];
                    let object = serde_json::json!({
                        "type": "object", "description": concat!($($about),*).trim(), "properties": properties,
                        "required": required, "additionalProperties": false
                    });
                    met.insert(stringify!($name), object);
                }
                serde_json::json!({"$ref": format!("#/components/schemas/{}", stringify!($name))})
            }
        }
    };
}
pub(super) use shape;

/// A field's name as serde writes it.
pub fn in_json(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// A schema with words about it.
pub fn with_words(mut schema: Value, words: &str) -> Value {
    if let (Some(object), false) = (schema.as_object_mut(), words.trim().is_empty()) {
        object.insert("description".to_owned(), Value::from(words.trim()));
    }
    schema
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    shape!(out
        /// A thing.
        Thing {
            /// Its name.
            name: String,
            r#type: Option<Vec<Thing>>,
        }
    );

    shape!(in
        /// A wish.
        Wish {
            number: Option<u64>,
        }
    );

    #[test]
    fn a_shape_is_its_type_and_its_schema() {
        let mut met = Schemas::new();
        let reference = Thing::schema(&mut met);
        assert_eq!(reference, json!({"$ref": "#/components/schemas/Thing"}));
        let schema = &met["Thing"];
        assert_eq!(schema["properties"]["name"], json!({"type": "string", "description": "Its name."}));
        assert_eq!(schema["required"], json!(["name", "type"]));
        let thing = Thing { name: "x".into(), r#type: None };
        assert_eq!(serde_json::to_value(thing).unwrap(), json!({"name": "x", "type": null}));
        assert_eq!(serde_json::from_str::<Wish>("{}").unwrap(), Wish { number: None });
        assert!(serde_json::from_str::<Wish>(r#"{"numbre": 1}"#).is_err());
    }
}
