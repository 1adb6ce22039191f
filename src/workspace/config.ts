import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Document } from 'yaml';
import { durationMs } from '../core/duration.ts';
import { BdError, messageOf } from '../core/errors.ts';
import { SYNC_MODES } from '../core/sharing.ts';
import type { Environment } from '../platform/environment.ts';
import { fileVersion } from '../platform/file-version.ts';
import { writeFileAtomically } from '../platform/files.ts';
import { LOG_LEVELS } from '../platform/log.ts';
import { readPlainSettings } from './plain-settings.ts';

export interface ConfigValue {
  key: string;
  value: string;
  /** `default`, the file's path, or the name of the environment variable. */
  source: string;
}

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

type Kind = 'text' | 'whole' | 'truth' | 'list' | 'duration';

interface KnownSetting {
  kind: Kind;
  value: string;
  choices?: readonly string[];
  /** The smallest whole number, or duration in milliseconds: none makes the daemon spin. */
  min?: number;
  /** A variable that has always been called so, before the one that is made of the key. */
  variable?: string;
  /** Another key for the same, which counts where this one is not set. */
  instead?: { key: string; unit: string };
}

const KNOWN = {
  issue_prefix: { kind: 'text', value: 'bd' },
  actor: { kind: 'text', value: '' },
  'status.custom': { kind: 'list', value: '' },
  'types.custom': { kind: 'list', value: '' },
  'sync.mode': { kind: 'text', value: 'branch', choices: SYNC_MODES },
  'sync.push': { kind: 'truth', value: 'true' },
  'sync.remote': { kind: 'text', value: '' },
  'sync.branch': { kind: 'text', value: 'beads-sync' },
  'sync.quiet_ms': { kind: 'whole', value: '300', min: 0 },
  'sync.delay_max_ms': { kind: 'whole', value: '5000', min: 100 },
  'sync.batch_max': { kind: 'whole', value: '100', min: 1 },
  'sync.fetch_active_ms': { kind: 'whole', value: '5000', min: 500 },
  'sync.fetch_idle_ms': { kind: 'whole', value: '60000', min: 500 },
  'daemon.auto_start': { kind: 'truth', value: 'true' },
  'daemon.sync_interval': {
    kind: 'duration',
    value: '5s',
    min: 500,
    variable: 'BEADS_SYNC_INTERVAL',
    instead: { key: 'sync.fetch_active_ms', unit: 'ms' },
  },
  'daemon.file_watch': { kind: 'truth', value: 'true' },
  'daemon.log_level': { kind: 'text', value: 'info', choices: LOG_LEVELS },
  'daemon.max_batch_size': {
    kind: 'whole',
    value: '100',
    min: 1,
    instead: { key: 'sync.batch_max', unit: '' },
  },
} as const satisfies Record<string, KnownSetting>;

export type KnownKey = keyof typeof KNOWN;

const KEY_SHAPE = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

export function configPath(beadsDir: string): string {
  return join(beadsDir, 'config.yaml');
}

/** Refuses the whole file for one wrong value: half of somebody's wishes is not what they asked for. */
export async function openConfig(beadsDir: string, place: { env: Environment }): Promise<Config> {
  const config = await readConfig(beadsDir, place);
  config.check();
  return config;
}

/**
 * For those who can go on with a wrong value in the file, so that it can be mended; one in the environment
 * is refused all the same. Reads the file once; `set` and `unset` keep it and its comments.
 */
export async function readConfig(beadsDir: string, { env }: { env: Environment }): Promise<Config> {
  const path = configPath(beadsDir);
  let version = fileVersion(path);
  let values = await readValues(path);

  const lookup = (key: string): ConfigValue | undefined => {
    const setting: KnownSetting | undefined = isKnown(key) ? KNOWN[key] : undefined;
    for (const variable of [setting?.variable, variableFor(key)]) {
      const value = variable === undefined ? undefined : env[variable];
      if (variable !== undefined && value !== undefined) return { key, value, source: variable };
    }
    const fromFile = values.get(key);
    if (fromFile !== undefined) return { key, value: fromFile, source: path };
    if (setting === undefined) return undefined;
    const other = setting.instead && lookup(setting.instead.key);
    return setting.instead === undefined || other === undefined || other.source === 'default'
      ? { key, value: setting.value, source: 'default' }
      : { key, value: `${other.value}${setting.instead.unit}`, source: other.source };
  };
  const known = (key: KnownKey): string => {
    const found = lookup(key);
    return found === undefined || expected(found) !== undefined ? KNOWN[key].value : found.value;
  };
  const knownValues = (): ConfigValue[] => Object.keys(KNOWN).flatMap((key) => lookup(key) ?? []);
  let wrong: BdError | undefined;
  const judge = (): void => {
    wrong = knownValues()
      .map(refusal)
      .find((refused) => refused !== undefined);
  };
  judge();
  const fromEnvironment = knownValues().find(
    (found) => found.source !== path && expected(found) !== undefined,
  );
  if (fromEnvironment !== undefined) throw refusal(fromEnvironment);
  let ownWrites = 0;
  const edit = async (change: (document: Document) => void): Promise<void> => {
    const document = await readDocument(path);
    change(document);
    ownWrites += 1;
    try {
      await writeFileAtomically(path, document.toString());
      version = fileVersion(path);
    } finally {
      ownWrites -= 1;
    }
    values = flatten(document);
    judge();
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
      values = await readValues(path);
      judge();
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
      await edit((document) => document.setIn(placeOf(document, key), scalar(value)));
    },
    async unset(key) {
      checkKey(key);
      await edit((document) => removeFrom(document, placeOf(document, key)));
    },
  };
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

function isKnown(key: string): key is KnownKey {
  return Object.hasOwn(KNOWN, key);
}

function checkKey(key: string): void {
  if (KEY_SHAPE.test(key)) return;
  throw new BdError('INVALID_VALUE', {
    message: `"${key}" is not a setting's name`,
    remedy: 'Use letters, digits, "_" and "-" in parts joined by dots, as in sync.push.',
  });
}

/** What a value should have been; undefined when it is right. */
function expected({ key, value }: Pick<ConfigValue, 'key' | 'value'>): string | undefined {
  if (!isKnown(key)) return undefined;
  const { kind, min = 0, choices }: KnownSetting = KNOWN[key];
  switch (kind) {
    case 'truth':
      return value === 'true' || value === 'false' ? undefined : 'true or false';
    case 'whole':
      return /^\d{1,9}$/.test(value) && Number(value) >= min
        ? undefined
        : `a whole number, ${min} or more`;
    case 'duration':
      return (durationMs(value) ?? -1) >= min
        ? undefined
        : `a time of ${min} ms or more, as in 500ms, 5s or 2m`;
    default:
      return choices === undefined || choices.includes(value)
        ? undefined
        : `one of: ${choices.join(', ')}`;
  }
}

function refusal(found: ConfigValue): BdError | undefined {
  const right = expected(found);
  if (right === undefined) return undefined;
  const { key, value, source } = found;
  return new BdError('INVALID_VALUE', {
    message: `${key} is "${value}" (from ${source})`,
    remedy: `Set it to ${right}.`,
  });
}

function readText(path: string): string {
  if (!existsSync(path)) return '';
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, messageOf(error));
  }
}

async function readValues(path: string): Promise<Map<string, string>> {
  return readPlainSettings(readText(path)) ?? flatten(await readDocument(path));
}

async function readDocument(path: string): Promise<Document> {
  const { isMap, parseDocument } = await import('yaml');
  const document = parseDocument(readText(path));
  const problem = document.errors[0]?.message.split('\n')[0]?.replace(/:$/, '');
  if (problem === undefined && (document.contents === null || isMap(document.contents))) {
    return document;
  }
  throw unreadable(path, problem ?? 'it is not a list of settings');
}

function unreadable(path: string, problem: string): BdError {
  return new BdError('FILE_UNUSABLE', {
    message: `cannot read ${path}: ${problem}`,
    remedy: 'Mend the file; each line is "key: value".',
  });
}

/** Nested maps and dotted keys are the same to the reader. */
function flatten(document: Document): Map<string, string> {
  const values = new Map<string, string>();
  const visit = (value: unknown, key: string): void => {
    if (Array.isArray(value)) values.set(key, value.join(','));
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        visit(member, key === '' ? name : `${key}.${name}`);
      }
    } else if (typeof value === 'string') values.set(key, value);
    else if (typeof value === 'number' || typeof value === 'boolean') values.set(key, `${value}`);
  };
  visit(document.toJS(), '');
  return values;
}

/** Where the key stands already (`sync.push: …` or under `sync:`), else nested. */
function placeOf(document: Document, key: string): string[] {
  return document.has(key) ? [key] : key.split('.');
}

/** With the sections that are empty then. */
function removeFrom(document: Document, place: readonly string[]): void {
  if (!document.hasIn(place)) return;
  document.deleteIn(place);
  const section = place.slice(0, -1);
  if (section.length === 0) return;
  const left: unknown = document.getIn(section);
  if (isEmptySection(left)) removeFrom(document, section);
}

function isEmptySection(node: unknown): boolean {
  if (typeof node !== 'object' || node === null || !('items' in node)) return false;
  return Array.isArray(node.items) && node.items.length === 0;
}

function scalar(value: string): string | number | boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}
