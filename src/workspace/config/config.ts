import { durationMs } from '../../core/timestamp.ts';
import { BdError } from '../../core/errors.ts';
import type { Environment } from '../../platform/environment.ts';
import { fileVersion } from '../../platform/file-version.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import { editConfigFile, readConfigFile } from './config-file.ts';
import { KNOWN, refusal, settingOf, type ConfigValue, type KnownKey } from './known-settings.ts';

/**
 * Settings by dotted key: environment over `.beads/config.yaml` over default. Keys that bd does not
 * know are kept for other tools.
 */
export interface Config {
  /** Somebody else has written to the file since it was read. */
  isEdited(): boolean;
  get(key: string): string | undefined;
  text(key: KnownKey): string;
  whole(key: KnownKey): number;
  truth(key: KnownKey): boolean;
  /** In milliseconds. */
  duration(key: KnownKey): number;
  /** Comma-separated. */
  list(key: KnownKey): string[];
  /** What is set, and by whom; known keys that are not set come with their default. */
  entries(): Promise<ConfigValue[]>;
  /** Throws for the first value that is wrong; it is read as the default until it is mended. */
  check(): void;
  set(key: string, value: string): Promise<void>;
  unset(key: string): Promise<void>;
}

const KEY_SHAPE = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

/** Refuses the whole file for one wrong value: half of somebody's wishes is not what they asked for. */
export async function openConfig(
  place: WorkspacePlace,
  surroundings: { env: Environment },
): Promise<Config> {
  const config = await readConfig(place, surroundings);
  config.check();
  return config;
}

/**
 * For those who can go on with a wrong value in the file, so that it can be mended; one in the environment
 * is refused all the same. Reads the file once; `set` and `unset` keep it and its comments.
 */
export async function readConfig(
  { configFile: path }: WorkspacePlace,
  { env }: { env: Environment },
): Promise<Config> {
  let version = fileVersion(path);
  let values = await readConfigFile(path);
  let wrong: BdError | undefined;
  let ownWrites = 0;

  const lookup = (key: string): ConfigValue | undefined => findValue(key, { env, values, path });
  const knownValues = (): ConfigValue[] => Object.keys(KNOWN).flatMap((key) => lookup(key) ?? []);
  const known = (key: KnownKey): string => {
    const found = lookup(key);
    return found === undefined || refusal(found) !== undefined ? KNOWN[key].value : found.value;
  };
  const take = (read: Map<string, string>): void => {
    values = read;
    wrong = firstRefusal(knownValues());
  };
  take(values);
  const fromEnvironment = firstRefusal(knownValues().filter(({ source }) => source !== path));
  if (fromEnvironment !== undefined) throw fromEnvironment;
  const edit = async (change: { key: string; value: string | undefined }): Promise<void> => {
    ownWrites += 1;
    try {
      const written = await editConfigFile(path, change);
      version = fileVersion(path);
      take(written);
    } finally {
      ownWrites -= 1;
    }
  };

  return {
    // What is being written here shows before the writer hears of it.
    isEdited: () => ownWrites === 0 && fileVersion(path) !== version,
    get: (key) => lookup(key)?.value,
    text: known,
    whole: (key) => Number(known(key)),
    truth: (key) => known(key) === 'true',
    duration: (key) => durationMs(known(key)) ?? 0,
    list: (key) => splitList(known(key)),
    async entries() {
      take(await readConfigFile(path));
      const keys = [...new Set([...Object.keys(KNOWN), ...values.keys()])].sort();
      return keys.flatMap((key) => lookup(key) ?? []);
    },
    check() {
      if (wrong !== undefined) throw wrong;
    },
    async set(key, value) {
      checkKey(key);
      const refused = refusal({ key, value, source: 'bd config set' });
      if (refused !== undefined) throw refused;
      await edit({ key, value });
    },
    async unset(key) {
      checkKey(key);
      await edit({ key, value: undefined });
    },
  };
}

/** The environment counts before the file, and that before another key for the same. */
function findValue(
  key: string,
  places: { env: Environment; values: ReadonlyMap<string, string>; path: string },
): ConfigValue | undefined {
  const { env, values, path } = places;
  const setting = settingOf(key);
  for (const variable of [setting?.variable, variableFor(key)]) {
    const value = variable === undefined ? undefined : env[variable];
    if (variable !== undefined && value !== undefined) return { key, value, source: variable };
  }
  const fromFile = values.get(key);
  if (fromFile !== undefined) return { key, value: fromFile, source: path };
  if (setting === undefined) return undefined;
  const { instead } = setting;
  const other = instead && findValue(instead.key, places);
  return instead === undefined || other === undefined || other.source === 'default'
    ? { key, value: setting.value, source: 'default' }
    : { key, value: `${other.value}${instead.unit}`, source: other.source };
}

function firstRefusal(values: readonly ConfigValue[]): BdError | undefined {
  return values.flatMap((value) => refusal(value) ?? [])[0];
}

/** `sync.push` → `BD_SYNC_PUSH`. */
function variableFor(key: string): string {
  return `BD_${key.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function checkKey(key: string): void {
  if (KEY_SHAPE.test(key)) return;
  throw new BdError('INVALID_VALUE', {
    message: `"${key}" is not a setting's name`,
    remedy: 'Use letters, digits, "_" and "-" in parts joined by dots, as in sync.push.',
  });
}
