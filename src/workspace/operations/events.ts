import { timestampAt } from '../../core/timestamp.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';

const EVENTS_DEFAULT = 100;

export const eventOperations: Operations<'read_events', Pick<Workspace, 'store'>> = {
  read_events(workspace, { after = 0, limit = EVENTS_DEFAULT }) {
    const events = workspace.store.events.read({ after, limit });
    return {
      events: events.map(({ created_ms: createdMs, ...event }) => ({
        ...event,
        created_at: timestampAt(createdMs),
      })),
      next: events.at(-1)?.seq ?? after,
    };
  },
};
