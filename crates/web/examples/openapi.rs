//! Writes the OpenAPI document: `cargo run -q -p aegir-web --example openapi > docs/openapi.json`.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&aegir_web::api::document())?);
    Ok(())
}
