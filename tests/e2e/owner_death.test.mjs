// owner_death.test.mjs - the owner of calls is killed in each state, and stands still in three of them.
import { ALL_STATES, theOwnerGoes } from '../support/owner_death.mjs';

theOwnerGoes({ killed: ALL_STATES, stopped: ['fetch', 'ringing', 'bridged'] });
