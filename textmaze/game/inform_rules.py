"""The rules of an exported game, in Inform 7 and 6: what `rules.py` does, on the tables that `inform.py` writes.

Inform's own world is led along behind, so that TextWorld finds there the facts that it knows: rooms, doors, and where
things are.
"""

# Inform follows a rule that is declared as the first before TextWorld's own. A line goes to the engine's parser; only
# commands of TextWorld's framework, which begin with tw-, go to Inform's.
INFORM_7 = """
To read the line: (- MzReadLine(); -).
To obey the line: (- MzObey(); -).
To say maze's place: (- MzPlace(); -).
To say maze's look: (- MzLook(); -).
To say maze's inventory: (- MzInventory(); -).
To say maze's objective: (- MzObjective(); -).
To decide whether the maze is won: (- (MzNow-->MZ_OUTCOME == MZ_WON) -).
To decide whether the maze is lost: (- (MzNow-->MZ_OUTCOME == MZ_LOST) -).

Obeying is an action applying to nothing.
Understand "tw-obey" as obeying.
Carry out obeying: obey the line.

Rule for reading a command: read the line.
First carry out looking rule: say "[maze's look]"; rule succeeds.
First carry out taking inventory rule: say "[maze's inventory]"; rule succeeds.
First rule for printing the things on the floor: do nothing.
The simpler notify score changes rule does nothing.

When play begins:
	now the left hand status line is "-= [maze's place] =-";
	now the objective is "[maze's objective]".

First every turn rule:
	if the maze is won and quest0 completed is false:
		increase the score by 1;
		now quest0 completed is true.

Last every turn rule:
	if the maze is won, end the story finally;
	if the maze is lost, end the story.
"""

RULES = """
! -- The state -------------------------------------------------------------------------------------------------------

Constant MZ_ROOM 0;
Constant MZ_HEADING 1;
Constant MZ_TURN 2;
Constant MZ_OUTCOME 3;
Constant MZ_DOOR 4;
Constant MZ_ITEM MZ_DOOR + MZ_DOORS;
Constant MZ_SIZE MZ_ITEM + MZ_ITEMS;
Constant MZ_NOWHERE 255;
Constant MZ_NONE 255;

Array MzNext --> (MZ_SIZE);  ! what a command would make of the state MzNow, which is among the tables
Global mz_saying; Global mz_first; Global mz_second;  ! the answer
Global mz_looks;  ! whether the answer is a look at what follows
Global mz_caught;  ! by which patrol, or -1

! -- What there is ---------------------------------------------------------------------------------------------------

[ MzExit room way;
	return MzExits->(6 * room + way);
];

[ MzBack way;
	if (way < 4) return (way + 2) % 4;
	return 9 - way;
];

[ MzBarWay room way here;  ! the way from here to a bar that stands in the passage from a room, or -1
	if (here == room) return way;
	if (here == MzExit(room, way)) return MzBack(way);
	return -1;
];

[ MzDoorAt room way i;
	for (i=0 : i<MZ_DOORS : i++)
		if (MzBarWay(MzDoorRoom->i, MzDoorWay->i, room) == way) return i;
	return -1;
];

[ MzGateAt room way i;
	for (i=0 : i<MZ_GATES : i++)
		if (MzBarWay(MzGateRoom->i, MzGateWay->i, room) == way) return i;
	return -1;
];

[ MzGateOpen gate;
	return (MzNow-->MZ_TURN - MzGateOpens->gate + MZ_CYCLE) % MZ_CYCLE < MZ_CYCLE / 2;
];

[ MzPatrolRoom patrol turn;
	return MzRoutes->(MZ_CYCLE * patrol + turn);
];

[ MzHas item;
	return MzNow-->(MZ_ITEM + item);
];

[ MzSees i;  ! whether there is light
	if (MzDark->(MzNow-->MZ_ROOM) == 0) rtrue;
	for (i=0 : i<MZ_ITEMS : i++)
		if (MzItemKind->i == MZ_LAMP && MzHas(i)) rtrue;
	rfalse;
];

[ MzDiffers i;
	for (i=0 : i<MZ_SIZE : i++)
		if (MzNow-->i ~= MzNext-->i) rtrue;
	rfalse;
];

! -- What a command does ---------------------------------------------------------------------------------------------

[ MzTry command deed first second room sees here acts i;
	for (i=0 : i<MZ_SIZE : i++) MzNext-->i = MzNow-->i;
	deed = MzDeeds->(3 * command);
	first = MzDeeds->(3 * command + 1);
	second = MzDeeds->(3 * command + 2);
	mz_saying = SAY_NOT_HERE; mz_first = first; mz_second = second;
	mz_looks = false; mz_caught = -1;
	room = MzNow-->MZ_ROOM;
	sees = MzSees();
	switch (deed) {
	DEED_GO: MzGo(first);
	DEED_TAKE_COIN:
		if (sees && room == MZ_GOAL) { MzNext-->MZ_OUTCOME = MZ_WON; mz_saying = SAY_TOOK_COIN; }
	DEED_TAKE:
		if (MzHas(first)) mz_saying = SAY_TAKEN_ALREADY;
		else if (sees && room == MzItemRoom->first) { MzNext-->(MZ_ITEM + first) = 1; mz_saying = SAY_TAKEN; }
	DEED_DROP:
		mz_saying = SAY_LACKS;
		if (MzHas(first)) {
			mz_saying = SAY_WRONG_PLACE;
			if (room == MZ_GOAL) { MzNext-->MZ_OUTCOME = MZ_WON; mz_saying = SAY_DELIVERED; }
		}
	DEED_OPEN, DEED_CLOSE, DEED_UNLOCK, DEED_EXAMINE_DOOR:
		if (sees && MzBarWay(MzDoorRoom->first, MzDoorWay->first, room) >= 0) MzUseDoor(deed, first, second);
	DEED_EXAMINE_COIN:
		if (sees && room == MZ_GOAL) mz_saying = SAY_COIN_PLAIN;
	DEED_EXAMINE:
		here = sees && room == MzItemRoom->first;
		if (here || MzHas(first)) mz_saying = SAY_PLAIN;
	DEED_EXAMINE_MAP: mz_saying = SAY_MAP;
	DEED_LOOK: mz_looks = true;
	DEED_INVENTORY: mz_saying = SAY_INVENTORY;
	DEED_WAIT: mz_saying = SAY_WAIT;
	DEED_HELP: mz_saying = SAY_HELP;
	}
	if (MZ_TIMED == false) return;
	if (deed == DEED_WAIT) mz_looks = true;
	acts = deed == DEED_WAIT || MzDiffers();
	if (acts) {
		MzNext-->MZ_TURN = (MzNow-->MZ_TURN + 1) % MZ_CYCLE;
		if (MzNext-->MZ_OUTCOME ~= MZ_WON) MzMeet();
	}
];

[ MzGo way target bar;
	if (MZ_EGOCENTRIC && way < 4) way = (way + MzNow-->MZ_HEADING) % 4;
	mz_saying = SAY_NO_WAY;
	target = MzExit(MzNow-->MZ_ROOM, way);
	if (target == MZ_NOWHERE) return;
	bar = MzGateAt(MzNow-->MZ_ROOM, way);
	if (bar >= 0 && MzGateOpen(bar) == false) { mz_saying = SAY_GATE_SHUT; mz_first = bar; return; }
	bar = MzDoorAt(MzNow-->MZ_ROOM, way);
	if (bar >= 0 && MzNow-->(MZ_DOOR + bar) ~= MZ_OPEN) {
		mz_saying = SAY_DOOR_CLOSED; mz_first = bar;
		if (MzNow-->(MZ_DOOR + bar) == MZ_LOCKED) mz_saying = SAY_DOOR_LOCKED;
		return;
	}
	MzNext-->MZ_ROOM = target;
	if (MZ_EGOCENTRIC && way < 4) MzNext-->MZ_HEADING = way;
	if (MZ_EXIT_WINS && target == MZ_GOAL) MzNext-->MZ_OUTCOME = MZ_WON;
	mz_looks = true;
];

[ MzUseDoor deed door key state;
	state = MzNow-->(MZ_DOOR + door);
	switch (deed) {
	DEED_OPEN:
		switch (state) {
		MZ_OPEN: mz_saying = SAY_OPEN_ALREADY;
		MZ_CLOSED: mz_saying = SAY_OPENED; MzNext-->(MZ_DOOR + door) = MZ_OPEN;
		MZ_LOCKED: mz_saying = SAY_DOOR_LOCKED;
		}
	DEED_CLOSE:
		mz_saying = SAY_CLOSED_ALREADY;
		if (state == MZ_OPEN) { mz_saying = SAY_CLOSED; MzNext-->(MZ_DOOR + door) = MZ_CLOSED; }
	DEED_UNLOCK:
		if (state ~= MZ_LOCKED) mz_saying = SAY_NOT_LOCKED;
		else if (MzHas(key) == false) { mz_saying = SAY_LACKS; mz_first = key; }
		else if (MzDoorKey->door ~= key) mz_saying = SAY_DOES_NOT_FIT;
		else { mz_saying = SAY_UNLOCKED; MzNext-->(MZ_DOOR + door) = MZ_CLOSED; }
	DEED_EXAMINE_DOOR:
		switch (state) {
		MZ_OPEN: mz_saying = SAY_DOOR_OPEN;
		MZ_CLOSED: mz_saying = SAY_DOOR_CLOSED;
		MZ_LOCKED: mz_saying = SAY_DOOR_LOCKED;
		}
	}
];

[ MzMeet i before after there;  ! does a patrol meet the player, in a room or between two?
	there = MzNext-->MZ_ROOM;
	for (i=0 : i<MZ_PATROLS : i++) {
		before = MzPatrolRoom(i, MzNow-->MZ_TURN);
		after = MzPatrolRoom(i, MzNext-->MZ_TURN);
		if (after == there || (after == MzNow-->MZ_ROOM && before == there)) mz_caught = i;
	}
	if (mz_caught < 0) return;
	if (MZ_CAUGHT_LOSES) { MzNext-->MZ_OUTCOME = MZ_LOST; return; }
	MzNext-->MZ_ROOM = MZ_START;
	MzNext-->MZ_HEADING = 0;
];

[ MzObey command i;
	command = MzRead();
	if (command < 0) { print "^"; return; }
	MzTry(command);
	MzFollow(command);
	for (i=0 : i<MZ_SIZE : i++) MzNow-->i = MzNext-->i;
	if (mz_caught >= 0) {
		print (string) MzMeeting-->mz_caught;
		if (MzNow-->MZ_OUTCOME ~= MZ_LOST) { print "^^"; MzLook(); }
	} else switch (MzDeeds->(3 * command)) {
		DEED_LOOK: TryAction(0, player, ##Look, nothing, nothing);
		DEED_INVENTORY: TryAction(0, player, ##Inv, nothing, nothing);
		DEED_WAIT: MzSay(SAY_WAIT); if (mz_looks) { print "^^"; MzLook(); }
		default: if (mz_looks) MzLook(); else MzSay(mz_saying, mz_first, mz_second);
	}
	print "^";
];

! -- Inform's world follows ------------------------------------------------------------------------------------------

[ MzSilently action first second was tracing;
	was = keep_silent; keep_silent = true;
	tracing = trace_actions; trace_actions = false;
	TryAction(0, player, action, first, second);
	keep_silent = was; trace_actions = tracing;
	if (tracing) MzTell(action, first, second);
];

[ MzTell action first second;  ! what has happened, in the words for which TextWorld's tracker waits
	print "[";
	switch (action) {
	##Go: print "going ";
	##Take: print "taking the ";
	##Drop: print "dropping the ";
	##Open: print "opening ";
	##Close: print "closing ";
	##Unlock: print "unlocking ";
	}
	print (name) first;
	if (second) print " with the ", (name) second;
	print " - succeeded]^";
];

[ MzFollow command i room target way;
	for (i=0 : i<MZ_DOORS : i++) {
		if (MzNow-->(MZ_DOOR + i) == MzNext-->(MZ_DOOR + i)) continue;
		if (MzNow-->(MZ_DOOR + i) == MZ_LOCKED)
			MzSilently(##Unlock, MzDoorObjects-->i, MzItemObjects-->(MzDoorKey->i));
		else if (MzNext-->(MZ_DOOR + i) == MZ_OPEN) MzSilently(##Open, MzDoorObjects-->i);
		else MzSilently(##Close, MzDoorObjects-->i);
	}
	for (i=0 : i<MZ_ITEMS : i++)
		if (MzNow-->(MZ_ITEM + i) ~= MzNext-->(MZ_ITEM + i)) MzSilently(##Take, MzItemObjects-->i);
	if (mz_saying == SAY_TOOK_COIN) MzSilently(##Take, MzItemObjects-->MZ_ITEMS);
	if (mz_saying == SAY_DELIVERED) MzSilently(##Drop, MzItemObjects-->mz_first);
	room = MzNow-->MZ_ROOM; target = MzNext-->MZ_ROOM;
	if (target == room) return;
	way = MzDeeds->(3 * command + 1);
	if (MZ_EGOCENTRIC && way < 4) way = (way + MzNow-->MZ_HEADING) % 4;
	if (way < 4 && MzExit(room, way) == target && MzExit(target, MzBack(way)) == room)
		MzSilently(##Go, MzDirections-->way);
	if (real_location ~= MzRooms-->target) PlayerTo(MzRooms-->target, 1);
];

! -- What is said ----------------------------------------------------------------------------------------------------

[ MzPlace;  ! the name of the place, as far as it can be seen
	if (MzSees()) print (string) MzRoomNames-->(MzNow-->MZ_ROOM);
	else print (string) MZ_DARKNESS;
];

[ MzLook i way room there;
	room = MzNow-->MZ_ROOM;
	print "-= "; MzPlace(); print " =-^";
	if (MzSees() == false) print (string) MzDarkness-->room;
	else if (MZ_EXIT_WINS && MzNow-->MZ_OUTCOME == MZ_WON) print (string) MZ_OUTSIDE;
	else indirect(MzSights-->room);
	if (MzNow-->MZ_OUTCOME == MZ_WON) return;
	for (i=0 : i<MZ_PATROLS : i++) {
		there = MzPatrolRoom(i, MzNow-->MZ_TURN);
		way = MzNear(room, there);
		if (way >= 0) { print " "; MzPatrolNear(4 * i + way); }
		else if (room ~= there)
			for (way=0 : way<4 : way++)
				if (MzExit(room, way) ~= MZ_NOWHERE && MzNear(MzExit(room, way), there) >= 0) {
					print " "; MzPatrolFar(4 * i + way);
				}
	}
];

[ MzNear room other way;  ! the level way that leads straight there, or -1
	for (way=0 : way<4 : way++)
		if (MzExit(room, way) == other) return way;
	return -1;
];

[ MzInventory i left;
	left = MZ_MAP;
	for (i=0 : i<MZ_ITEMS : i++) left = left + MzCarries(i);
	if (left == 0) { print "You are carrying nothing."; return; }
	print "You are carrying ";
	if (MZ_MAP) { print "a map"; left--; MzComma(left); }
	for (i=0 : i<MZ_ITEMS : i++)
		if (MzCarries(i)) { print (string) MzItemsWithArticle-->i; left--; MzComma(left); }
	print ".";
	if (MZ_MAP) { print "^"; MzMap(); }
];

[ MzCarries item;
	if (MzItemKind->item == MZ_PARCEL && MzNow-->MZ_OUTCOME == MZ_WON) rfalse;
	return MzHas(item);
];

[ MzComma left;  ! between two things of a list, of which so many are left
	if (left > 1) print ", ";
	if (left == 1) print " and ";
];
"""
