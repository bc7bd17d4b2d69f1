-- The schema that every row of sequences.tsv runs against.
create table t(id int primary key, c int, s text);
insert into t values(1,1,'a'),(2,1,'b');
create type mood as enum('a','b');
create unlogged table nokey(n text);
