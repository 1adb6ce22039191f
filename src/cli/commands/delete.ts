import type { Result } from '../../protocol/methods.ts';
import type { Answer, CommandDefinition, Invocation } from '../command.ts';
import { changeEach, requireIds } from '../issue-arguments.ts';
import { readTextSource } from '../command-io.ts';
import { renderIssueChanges } from '../output/issue-rows.ts';

export const deleteCommand: CommandDefinition = {
  name: 'delete',
  parameters: '[ids...]',
  about: 'Delete issues; without --force, only show what would be deleted',
  flags: [
    ['-f, --force', 'delete'],
    ['--dry-run', 'only show what would be deleted'],
    ['--cascade', 'also everything below them'],
    ['--reason <text>', 'why'],
    ['--from-file <path>', 'ids from a file, one a line; - is standard input'],
  ],
  async run(invocation) {
    const { flags, call, actor, print, confirm } = invocation;
    const isPreview = !flags.has('force') || flags.has('dry-run');
    const report = await call('delete_issues', {
      issue_ids: [...(await readIds(invocation))],
      reason: flags.text('reason'),
      cascade: flags.isSet('cascade'),
      dry_run: isPreview ? true : undefined,
      actor,
    });
    if (isPreview) print(renderPreview(report));
    else confirm(renderDeleted(report));
  },
};

async function readIds({ args, flags, io }: Invocation): Promise<readonly string[]> {
  const path = flags.text('from-file');
  if (path === undefined) return requireIds(args);
  const lines = (await readTextSource(path, io)).split('\n').map((line) => line.trim());
  return requireIds([...args, ...lines.filter((line) => line !== '' && !line.startsWith('#'))]);
}

type Report = Result<'delete_issues'>;

/** One issue gives its id, several a list, as the classic tool does. */
function renderDeleted({ deleted, dry_run: _isPreview, ...effects }: Report): Answer {
  const lines = deleted.map((id) => `Deleted ${id}\n`).join('');
  return {
    json:
      deleted.length === 1
        ? { deleted: deleted[0], ...effects }
        : { deleted, deleted_count: deleted.length, ...effects },
    text: lines + renderEffects(effects, ''),
  };
}

function renderPreview({ deleted, dry_run, ...effects }: Report): Answer {
  const lines = deleted.map((id) => `Would delete ${id}\n`).join('');
  const counts = { dry_run, deleted_count: 0, issue_count: deleted.length };
  return {
    json: { ...counts, would_delete: deleted, ...effects },
    text: `${lines}${renderEffects(effects, 'would be ')}Run it again with --force to delete.\n`,
  };
}

function renderEffects(effects: Omit<Report, 'deleted' | 'dry_run'>, verb: string): string {
  const { dependencies_removed: edges, references_updated: texts } = effects;
  return [
    edges === 0 ? '' : `  ${amount(edges, 'dependency', 'dependencies')} ${verb}removed\n`,
    texts === 0 ? '' : `  ${amount(texts, 'mention', 'mentions')} ${verb}marked as deleted\n`,
  ].join('');
}

function amount(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

export const restoreCommand: CommandDefinition = {
  name: 'restore',
  parameters: '[ids...]',
  about: 'Bring deleted issues back',
  run(invocation) {
    const { call, actor } = invocation;
    return changeEach(invocation, {
      change: (id) => call('restore_issue', { issue_id: id, actor }),
      answer: (done) =>
        renderIssueChanges(done, { changed: 'Restored', unchanged: 'is not deleted' }),
    });
  },
};
