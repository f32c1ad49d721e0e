// answer_storm.long.mjs - answer_storm.test.mjs, for some minutes.
import { test } from 'node:test';
import { answerStorm } from '../support/answer_storm.mjs';

test('everybody answers at once, 10,000 times', t => answerStorm(t, 10_000));
