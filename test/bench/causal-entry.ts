// What the group `merge` measures, for a bundle of its own.
export { encodeState } from '../../src/core/causal/causal-line.ts';
export { decodeLine } from '../../src/core/causal/decode-line.ts';
export { joinStates } from '../../src/core/causal/join.ts';
export { creationWrites } from '../../src/core/causal/lift.ts';
export { viewIssue } from '../../src/core/causal/view.ts';
export { applyWrites, createState } from '../../src/core/causal/write.ts';
export { encodeIssueLine, parseIssueLine } from '../../src/core/issue-line.ts';
