import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../util/package-folder.cjs';

let version: string | undefined;

/** The version of this package: the manifest is above the folder of either build. */
export function packageVersion(): string {
  version ??= read();
  return version;
}

function read(): string {
  const manifest = ['..', '../..']
    .map((up) => join(packageFolder, up, 'package.json'))
    .find((file) => existsSync(file) && /"nestjs-background-tasks"/.test(readFileSync(file, 'utf8')));
  return manifest === undefined
    ? 'unknown'
    : (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
