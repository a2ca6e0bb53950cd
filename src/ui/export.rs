//! stub
pub fn json(_: &super::model::Model) -> String {
    String::new()
}
pub fn csv(_: &super::model::Model) -> String {
    String::new()
}
