import { BdError } from '../../core/errors.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import type { SettingReport } from '../../protocol/methods/workspace.ts';
import { alignColumns } from '../output/columns.ts';
import { renderMigration } from '../output/change-list.ts';
import { oneLine } from '../output/printable.ts';

export const configCommand: CommandDefinition = {
  name: 'config',
  about: 'Show and change settings',
  subcommands: [
    {
      name: 'get',
      parameters: '<key>',
      about: 'Print a setting',
      async run({ args: [key = ''], call, print }) {
        const { value } = await call('get_config', { key });
        const text = value === null || value === '' ? `${key} (not set)` : oneLine(value);
        print({ json: { key, value: value ?? '' }, text: `${text}\n` });
      },
    },
    {
      name: 'set',
      parameters: '<key> [value]',
      about: 'Change a setting',
      async run(invocation) {
        const [key = '', value] = invocation.args;
        if (value === undefined) {
          throw new BdError('USAGE', {
            message: `a value for ${key} is needed`,
            remedy: `Write \`bd config set ${key} VALUE\`, or \`bd config unset ${key}\`.`,
          });
        }
        const set = await invocation.call('set_config', { key, value });
        report(invocation, set, `Set ${set.key} = ${oneLine(set.value)}\n`);
      },
    },
    {
      name: 'unset',
      parameters: '<key>',
      about: 'Go back to the default',
      async run(invocation) {
        const [key = ''] = invocation.args;
        const unset = await invocation.call('unset_config', { key });
        report(invocation, unset, `Unset ${unset.key}\n`);
      },
    },
    {
      name: 'list',
      about: 'List the settings that were changed',
      async run({ call, screen, print }) {
        const { config } = await call('list_config', {});
        const rows = Object.entries(config).map(([key, value]) => [key, oneLine(value)]);
        print({ json: config, text: alignColumns(rows, screen) || 'Nothing is set.\n' });
      },
    },
    {
      name: 'explain',
      about: 'List all settings with their values and sources',
      async run({ call, screen, print }) {
        const { entries } = await call('explain_config', {});
        const rows = entries.map((entry) => [entry.key, oneLine(entry.value), entry.source]);
        print({ json: entries, text: alignColumns(rows, { ...screen, width: undefined }) });
      },
    },
  ],
};

/** A setting that decides how issues are shared has consequences. */
function report({ io, confirm }: Invocation, setting: SettingReport, done: string): void {
  const { changes, left = [], warning } = setting;
  const consequences = changes === undefined ? '' : `\n${renderMigration({ changes, left })}`;
  confirm({ json: setting, text: done + consequences });
  if (typeof warning === 'string') io.stderr(`Warning: ${warning}\n`);
}
