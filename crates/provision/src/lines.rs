//! The one list of lines that a journal may name. Their names are stored: they are never reused.

use aegir_recipe::Lines;

use crate::World;
use crate::backup::{
    DumpDatabase, KeepBackup, LoadDump, MakeWorkFolder, PackSite, RemoveAside, RemoveWork, UnpackDump, UnpackSite,
};
use crate::context_task::SaveServerPassword;
use crate::hooks::{AfterHook, BeforeHook, RollbackHook};
use crate::platform::{
    CheckOut, CopyCode, FetchArchive, FetchPart, InstallPackages, MakeProject, PlaceCode, PlacePart, PublishPool,
    TakeOut, UnpackDemo, WithdrawPool,
};
use crate::site::{
    ArchiveFormer, BringBack, BringCredentials, CarryOwnSettings, CopyDatabase, CopyFiles, CopyMoment, CopyTheirFiles,
    CopyTheirTables, DropFolderMark, EndRehearsal, FlushCaches, HoldStill, KeepCredentials, KeepSourcePassword,
    KeepTheirSalt, LeaveDefault, LetGo, LowerFence, MakeComing, MakeOwn, MakeSiteFolder, MakeTables, OpenCopy,
    RaiseFence, Rebuild, Relocate, ReplaceCredentials, RunInstaller, RunUpdates, Sanitise, SettleModes, TakeFile,
    TakeSalt, TakeTables, TopUpFiles, WriteCredentials, WriteLiteral, WriteParting,
};
use crate::step::context::{ForgetContext, SaveContext};
use crate::step::database::{CreateDatabase, CreateDatabaseUser, DropDatabase, ProveDatabaseServer, UnmarkDatabase};
use crate::step::file::{
    Keep, MakeFolder, MakeLink, Put, PutInstead, RemoveLink, SetAside, SetMode, SetModes, TakeAway,
};
use crate::step::secret::MakeSecret;
use crate::step::sites_php::{ListByHand, ListSite};
use crate::step::vhost::{PublishVhost, RenameVhost, WithdrawVhost};
use crate::step::web_files::{PublishPlatform, PublishServer};
use crate::task_types::{CleanupProgram, RunProgram};

/// All lines of this build.
pub fn lines() -> Lines<World> {
    Lines::new()
        .undo::<BeforeHook>()
        .undo::<BringBack>()
        .undo::<BringCredentials>()
        .undo::<CarryOwnSettings>()
        .undo::<CheckOut>()
        .undo::<CopyCode>()
        .undo::<CopyDatabase>()
        .undo::<CopyFiles>()
        .undo::<CopyMoment>()
        .undo::<CopyTheirFiles>()
        .undo::<CopyTheirTables>()
        .undo::<CreateDatabase>()
        .undo::<CreateDatabaseUser>()
        .undo::<DumpDatabase>()
        .undo::<EndRehearsal>()
        .undo::<FetchArchive>()
        .undo::<FetchPart>()
        .undo::<ForgetContext>()
        .undo::<HoldStill>()
        .undo::<InstallPackages>()
        .undo::<Keep>()
        .undo::<KeepBackup>()
        .undo::<KeepCredentials>()
        .undo::<KeepSourcePassword>()
        .undo::<KeepTheirSalt>()
        .undo::<LeaveDefault>()
        .undo::<LetGo>()
        .undo::<ListByHand>()
        .undo::<ListSite>()
        .undo::<LoadDump>()
        .undo::<MakeComing>()
        .undo::<MakeFolder>()
        .undo::<MakeLink>()
        .undo::<MakeOwn>()
        .undo::<MakeProject>()
        .undo::<MakeSecret>()
        .undo::<MakeSiteFolder>()
        .undo::<MakeTables>()
        .undo::<MakeWorkFolder>()
        .undo::<OpenCopy>()
        .undo::<PackSite>()
        .undo::<PlaceCode>()
        .undo::<PlacePart>()
        .undo::<ProveDatabaseServer>()
        .undo::<PublishPlatform>()
        .undo::<PublishPool>()
        .undo::<PublishServer>()
        .undo::<PublishVhost>()
        .undo::<Put>()
        .undo::<PutInstead>()
        .undo::<RaiseFence>()
        .undo::<Rebuild>()
        .undo::<Relocate>()
        .undo::<RemoveLink>()
        .undo::<RenameVhost>()
        .undo::<ReplaceCredentials>()
        .undo::<RollbackHook>()
        .undo::<RunInstaller>()
        .undo::<RunProgram>()
        .undo::<RunUpdates>()
        .undo::<Sanitise>()
        .undo::<SaveContext>()
        .undo::<SaveServerPassword>()
        .undo::<SetAside>()
        .undo::<SetMode>()
        .undo::<SetModes>()
        .undo::<SettleModes>()
        .undo::<TakeAway>()
        .undo::<TakeFile>()
        .undo::<TakeOut>()
        .undo::<TakeSalt>()
        .undo::<TakeTables>()
        .undo::<TopUpFiles>()
        .undo::<UnmarkDatabase>()
        .undo::<UnpackDemo>()
        .undo::<UnpackDump>()
        .undo::<UnpackSite>()
        .undo::<WithdrawPool>()
        .undo::<WithdrawVhost>()
        .undo::<WriteCredentials>()
        .undo::<WriteLiteral>()
        .undo::<WriteParting>()
        .finish::<LowerFence>()
        .cleanup::<AfterHook>()
        .cleanup::<ArchiveFormer>()
        .cleanup::<CleanupProgram>()
        .cleanup::<DropDatabase>()
        .cleanup::<DropFolderMark>()
        .cleanup::<FlushCaches>()
        .cleanup::<RemoveAside>()
        .cleanup::<RemoveWork>()
}
