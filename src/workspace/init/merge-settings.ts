import { lstatSync, readFileSync } from 'node:fs';
import { toBdError } from '../../core/errors.ts';
import type { Environment } from '../../platform/environment.ts';
import { writeFileAtomically } from '../../platform/files.ts';
import { createGit, type Git, gitOutput } from '../../git/git.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { PlannedChange } from './planned-change.ts';

/**
 * How git runs `bd merge`: `.gitattributes`, which is shared, has the driver's name, and each clone's settings
 * have the command. If bd is missing or fails, git would take our side as the result, so git's own text merge
 * follows: bd can read its conflict markers. Exit code 4: bd merged, and some lines need correction.
 */
export const MERGE_DRIVER = [
  'bd merge %O %A %B; merged=$?',
  'case $merged in 0|4) exit $merged;; esac',
  'git merge-file -L ours -L base -L theirs %A %O %B',
].join('; ');
const SETTINGS = {
  'merge.beads.name': 'bd: issues, one by one',
  'merge.beads.driver': MERGE_DRIVER,
};
export const ATTRIBUTES = `# Git merges issues with \`bd merge\`, which \`bd init\` sets up in each clone.
*.jsonl merge=beads text eol=lf
`;

/**
 * Makes git merge the issue files in `.beads` with bd, then says what is left as it is. Touches no
 * attributes elsewhere and stages nothing.
 */
export async function planMerge(
  { gitDir }: GitRepository,
  place: WorkspacePlace,
  env: Environment,
): Promise<PlannedChange[]> {
  const attributes = planAttributes(place.file('.gitattributes'));
  const driver = await planDriver(createGit({ gitDir, env }));
  const planned = [...attributes, ...driver];
  return planned.sort(
    (left, right) => Number(left.make === undefined) - Number(right.make === undefined),
  );
}

/** Removes `bd merge` from git's settings; a driver that a person set stays. */
export async function planUnmerge(
  { gitDir }: GitRepository,
  env: Environment,
): Promise<PlannedChange[]> {
  const git = createGit({ gitDir, env });
  if ((await readDriver(git)) !== MERGE_DRIVER) return [];
  const make = async (): Promise<void> => {
    for (const [key, value] of Object.entries(SETTINGS)) {
      if ((await readSetting(git, key)) !== value) continue;
      await gitOutput(git, ['config', '--local', '--unset', key], { setsMergeDriver: true });
    }
  };
  return [{ says: 'unset merge.beads.driver in .git/config', make }];
}

/** Whether this clone's git finds `bd merge` already. */
export async function isMergedByBd({ gitDir }: GitRepository, env: Environment): Promise<boolean> {
  return (await readDriver(createGit({ gitDir, env })).catch(() => '')) === MERGE_DRIVER;
}

function planAttributes(path: string): PlannedChange[] {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present === undefined) {
    const says = 'wrote .beads/.gitattributes: git merges issues with bd';
    return [{ says, make: () => writeFileAtomically(path, ATTRIBUTES) }];
  }
  if (present.isFile() && readFileSync(path, 'utf8').includes('merge=beads')) return [];
  return [{ says: 'left .beads/.gitattributes as it is; it does not say merge=beads' }];
}

async function planDriver(git: Git): Promise<PlannedChange[]> {
  const says = 'set merge.beads.driver in .git/config';
  try {
    const driver = await readDriver(git);
    if (driver === MERGE_DRIVER) return [];
    if (driver === '') return [{ says, make: () => setDriver(git), excuse: notSet }];
    return [{ says: `left merge.beads.driver in git's settings as it is: ${driver}` }];
  } catch (error) {
    // Go on when git fails: only this setting is missing then.
    return [{ says, make: () => Promise.reject(toBdError(error)), excuse: notSet }];
  }
}

function readDriver(git: Git): Promise<string> {
  return readSetting(git, 'merge.beads.driver');
}

/** Empty when there is none. */
async function readSetting(git: Git, key: string): Promise<string> {
  const present = await git.run(['config', '--local', '--get', key]);
  return present.stdout.toString().trim();
}

async function setDriver(git: Git): Promise<void> {
  for (const [key, value] of Object.entries(SETTINGS)) {
    await gitOutput(git, ['config', '--local', key, value], { setsMergeDriver: true });
  }
}

function notSet(why: string): string {
  return `git does not merge issues with bd yet: ${why}. Run: git config merge.beads.driver '${MERGE_DRIVER}'`;
}
