import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { createGit, type Git } from '../platform/git-command.ts';
import type { GitRepository } from '../platform/git-repository.ts';

/** How git finds `bd merge`: the name stands in a file that is shared, the command in each clone. */
const DRIVER = 'bd merge %O %A %B';
const SETTINGS = { 'merge.beads.name': 'bd: issues, one by one', 'merge.beads.driver': DRIVER };
const ATTRIBUTES = `# Git merges issues with \`bd merge\`, which \`bd init\` sets up in each clone.
*.jsonl merge=beads text eol=lf
`;

export interface MergeSettingsReport {
  /** What was missing and is there now, one sentence each. */
  made: string[];
  /** What somebody had set in another way, and still has. */
  left: string[];
  /** Why git does not know of `bd merge`; null when it does, or somebody wants another program. */
  warning: string | null;
}

/** Makes git merge the issue files in `beadsDir` with bd. Touches no attributes elsewhere, stages nothing. */
export async function configureMerge({
  beadsDir,
  repository,
  env,
}: {
  beadsDir: string;
  repository: GitRepository;
  env: Environment;
}): Promise<MergeSettingsReport> {
  const report: MergeSettingsReport = { made: [], left: [], warning: null };
  await writeAttributes(join(beadsDir, '.gitattributes'), report);
  try {
    await setDriver(createGit({ gitDir: repository.gitDir, env }), report);
  } catch (error) {
    report.warning = notSet(toBdError(error).message);
  }
  return report;
}

async function writeAttributes(path: string, { made, left }: MergeSettingsReport): Promise<void> {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present === undefined) {
    await writeFileAtomically(path, ATTRIBUTES);
    made.push('wrote .beads/.gitattributes: git merges issues with bd');
  } else if (!present.isFile() || !readFileSync(path, 'utf8').includes('merge=beads')) {
    left.push('left .beads/.gitattributes as it is; it does not say merge=beads');
  }
}

async function setDriver(git: Git, report: MergeSettingsReport): Promise<void> {
  const present = await git.run(['config', '--local', '--get', 'merge.beads.driver']);
  const driver = present.stdout.toString().trim();
  if (driver === DRIVER) return;
  if (driver !== '') {
    report.left.push(`left merge.beads.driver in git's settings as it is: ${driver}`);
    return;
  }
  for (const [key, value] of Object.entries(SETTINGS)) {
    const { exitCode, stderr } = await git.run(['config', '--local', key, value], {
      setsMergeDriver: true,
    });
    if (exitCode === 0) continue;
    report.warning = notSet(stderr.trim().split('\n')[0] ?? '');
    return;
  }
  report.made.push('set merge.beads.driver in .git/config');
}

function notSet(why: string): string {
  return `git does not merge issues with bd yet: ${why}. Run: git config merge.beads.driver '${DRIVER}'`;
}
