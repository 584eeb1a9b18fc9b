//! stub
use crate::World;
use aegir_domain::*;
pub(crate) struct DbServer<'w>(&'w World);
impl<'w> DbServer<'w> {
    pub(crate) fn of(world: &'w World, _s: &ServerName) -> Result<DbServer<'w>, Fault> {
        Ok(DbServer(world))
    }
    pub(crate) fn create_database(&self, _n: &DbName, _m: &Marker) -> Result<(), Fault> {
        Ok(())
    }
    pub(crate) fn drop_database(&self, _n: &DbName, _m: &Marker) -> Result<(), Fault> {
        Ok(())
    }
    pub(crate) fn create_user(&self, _n: &DbName, _p: &Password, _h: &[GrantHost]) -> Result<(), Fault> {
        Ok(())
    }
    pub(crate) fn drop_user(&self, _n: &DbName, _h: &[GrantHost]) -> Result<(), Fault> {
        Ok(())
    }
    pub(crate) fn grant_hosts(&self) -> Result<Vec<GrantHost>, Fault> {
        Ok(vec![])
    }
    pub(crate) fn bears(&self, _n: &DbName, _m: &Marker) -> Result<bool, Fault> {
        Ok(true)
    }
    pub(crate) fn must_bear(&self, _n: &DbName, _m: &Marker) -> Result<(), Fault> {
        Ok(())
    }
    pub(crate) fn version(&self) -> Result<String, Fault> {
        Ok(String::new())
    }
    pub(crate) fn engine(&self) -> &'static str {
        "mariadb"
    }
    pub(crate) fn check_rights(&self) -> Result<(), Fault> {
        Ok(())
    }
    pub(crate) fn packages(&self, _s: &SiteContext, _c: &str) -> Result<Vec<Instance>, Fault> {
        Ok(vec![])
    }
    pub(crate) fn credentials(&self, _n: &DbName, _p: &Password, _h: &Password) -> aegir_drupal::driver::Credentials {
        unreachable!()
    }
}
