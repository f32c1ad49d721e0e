// answer_storm.test.mjs - three devices of a client, on three presence instances, answer in the same tick: one
// wins, the others hear one refusal and one cancel, and nothing stays claimed. answer_storm.long.mjs goes on for longer.
import { test } from 'node:test';
import { answerStorm } from '../support/answer_storm.mjs';

test('everybody answers at once, 300 times', t => answerStorm(t, 300));
