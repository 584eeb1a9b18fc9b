//! What fills a site: rows in tables of the shape that Drupal gives its fields, and files as people upload them; the
//! same every time.

use std::fs;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::Lab;

/// So many rows of text make a megabyte, with what belongs to them.
const ROWS_EACH_MB: usize = 300;
/// So many files make a megabyte.
const FILES_EACH_MB: usize = 25;
/// How many files a folder has.
const IN_A_FOLDER: usize = 100;

/// What a text ends with: prose, which a program that compresses finds again. What it begins with is never the same.
const PROSE: &str = "The committee met on the last Tuesday of the month, heard the report of its treasurer, and agreed \
    to have the roof of the old boathouse mended before winter. Volunteers were thanked for their patience. Those who \
    wish to lend a hand are asked to bring gloves, a ladder if they have one, and something for the table afterwards. \
    As in other years the minutes lie in the reading room until spring.";

/// About `megabytes` of rows in the database `name`.
pub fn rows(lab: &Lab, name: &str, megabytes: usize) {
    let rows = megabytes * ROWS_EACH_MB;
    // Twenty sums of 33 characters each, in hexadecimal.
    let sums: Vec<String> = (0..20).map(|part| format!("MD5(seq * 20 + {part})")).collect();
    let text = format!("CONCAT_WS(' ', {}, '{PROSE}')", sums.join(", "));
    for table in ["archive__body", "archive_revision__body"] {
        lab.up().run_sql(&format!(
            "CREATE TABLE `{name}`.`{table}` (
               `bundle` VARCHAR(128) CHARACTER SET ascii NOT NULL DEFAULT '', `deleted` TINYINT NOT NULL DEFAULT 0,
               `entity_id` INT UNSIGNED NOT NULL, `revision_id` INT UNSIGNED NOT NULL,
               `langcode` VARCHAR(32) CHARACTER SET ascii NOT NULL DEFAULT '', `delta` INT UNSIGNED NOT NULL,
               `body_value` LONGTEXT NOT NULL, `body_summary` LONGTEXT, `body_format` VARCHAR(255) CHARACTER SET ascii,
               PRIMARY KEY (`entity_id`, `revision_id`, `deleted`, `delta`, `langcode`), KEY `bundle` (`bundle`),
               KEY `revision_id` (`revision_id`), KEY `body_format` (`body_format`)
             ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        ));
        lab.up().run_sql(&format!(
            "INSERT INTO `{name}`.`{table}`
             SELECT 'page', 0, seq, seq, 'en', 0, {text}, NULL, 'basic_html' FROM `{name}`.`seq_1_to_{rows}`"
        ));
    }
    lab.up().run_sql(&format!(
        "CREATE TABLE `{name}`.`archive_index` (
           `sid` INT UNSIGNED NOT NULL, `word` VARCHAR(50) NOT NULL, `type` VARCHAR(64) CHARACTER SET ascii NOT NULL,
           `score` FLOAT, PRIMARY KEY (`sid`, `word`, `type`), KEY `type_sid` (`type`, `sid`)
         ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
    ));
    lab.up().run_sql(&format!(
        "INSERT INTO `{name}`.`archive_index`
         SELECT seq, LEFT(MD5(seq), 12), 'node_search', 1 / seq FROM `{name}`.`seq_1_to_{}`",
        rows * 8
    ));
    lab.up().run_sql(&format!(
        "ANALYZE TABLE `{name}`.`archive__body`, `{name}`.`archive_revision__body`, `{name}`.`archive_index`"
    ));
}

/// `megabytes` of files of mixed sizes in `folder`, which holds a site's uploads. Nothing makes them smaller, as it is with pictures.
pub fn files(lab: &Lab, folder: &Path, megabytes: usize) {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    // Many small ones, some large ones; what they weigh together is shared out.
    let weights: Vec<u64> = (0..megabytes * FILES_EACH_MB).map(|_| 1 + 199 / (1 + chance.next() % 200)).collect();
    let all: u64 = weights.iter().sum();
    let archive = folder.join("archive");
    for (number, weight) in weights.iter().enumerate() {
        let inside = archive.join(format!("{:03}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            fs::create_dir_all(&inside).unwrap();
            fs::set_permissions(&inside, fs::Permissions::from_mode(0o2770)).unwrap();
        }
        let path = inside.join(format!("{number:05}.jpg"));
        let mut file = BufWriter::new(fs::File::create(&path).unwrap());
        for _ in 0..weight * ((megabytes as u64) << 20) / all / 8 {
            file.write_all(&chance.next().to_le_bytes()).unwrap();
        }
        file.into_inner().unwrap().set_permissions(fs::Permissions::from_mode(0o660)).unwrap();
    }
    fs::set_permissions(&archive, fs::Permissions::from_mode(0o2770)).unwrap();
    lab.give(&archive);
}

/// Numbers that look like chance and are the same every time (xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
